// The two channels. Messages may be lost in an outage: waking is repeated by a timer, control by heartbeat replies.
import { controlMessageSchema } from "@saphena/contracts";
import type { ControlMessage } from "@saphena/contracts";
import type { Redis } from "ioredis";
import type { Connection } from "./connection.ts";

type Listener = (message: string) => void;

export class Channels {
  readonly #connection: Connection;
  readonly #listeners = new Map<string, Set<Listener>>();
  #subscriber: Redis | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  onWake(listener: () => void): Promise<() => Promise<void>> {
    return this.#listen(this.#connection.keys.wake, listener);
  }

  onControl(listener: (message: ControlMessage) => void): Promise<() => Promise<void>> {
    return this.#listen(this.#connection.keys.control, (text) => {
      const message = controlMessageSchema.safeParse(JSON.parse(text));
      if (message.success) listener(message.data);
      else this.#connection.report(message.error);
    });
  }

  /** Resolves once subscribed, with what ends the subscription. ioredis subscribes again after an outage. */
  async #listen(channel: string, listener: Listener): Promise<() => Promise<void>> {
    const subscriber = (this.#subscriber ??= this.#openSubscriber());
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners);
    listeners.add(listener);
    await this.#connection.send(() => subscriber.subscribe(channel));
    return async () => {
      listeners.delete(listener);
      if (listeners.size === 0 && !this.#connection.closed) await this.#connection.send(() => subscriber.unsubscribe(channel));
    };
  }

  #openSubscriber(): Redis {
    const subscriber = this.#connection.open();
    subscriber.on("message", (channel: string, message: string) => {
      for (const listener of this.#listeners.get(channel) ?? []) {
        // A throwing listener must not end the process through the socket's event.
        try {
          listener(message);
        } catch (error) {
          this.#connection.report(error instanceof Error ? error : new Error(String(error)));
        }
      }
    });
    return subscriber;
  }
}
