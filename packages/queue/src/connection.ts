// The connection of one process to Redis: clients that reconnect for ever, and the Lua commands run through them. Every command may be
// sent twice (a reply lost in an outage), so each one is written to bear that.
import { COMMANDS, SaphenaError, redisKeys } from "@saphena/contracts";
import type { CommandName, CommandReply, RedisKeys } from "@saphena/contracts";
import { Redis } from "ioredis";
import { loadScripts } from "./lua-scripts.ts";
import type { LuaScripts } from "./lua-scripts.ts";
import { checkServer } from "./server-check.ts";

export interface QueueOptions {
  redisUrl: string;
  /** Everything lies under `{namespace}`. */
  namespace: string;
  /** How long a worker's hold on a run lasts without a heartbeat; default 10,000. */
  leaseMs?: number;
  /** REDIS_UNREACHABLE after it; default 5,000. */
  connectTimeoutMs?: number;
  /** Something a person should know, such as that the server keeps no append-only file. */
  onWarning?: (message: string) => void;
  /** What went wrong in the background (an outage, a job BullMQ had lost); nothing of it is fatal. */
  onError?: (error: Error) => void;
}

/** For replies under way at close(). */
const QUIT_MS = 2_000;

export type Argument = string | number;
/** The first word of a reply, then what follows it. */
export type Reply<Name extends CommandName> = readonly [CommandReply<Name>, ...unknown[]];

/** Opens it and checks the server. Throws REDIS_UNREACHABLE or REDIS_UNSUITABLE. */
export async function connect(options: QueueOptions): Promise<Connection> {
  const connection = new Connection(options, await loadScripts());
  try {
    await connection.start(options.connectTimeoutMs ?? 5_000, options.onWarning);
  } catch (error) {
    connection.disconnect();
    throw error;
  }
  return connection;
}

export class Connection {
  readonly keys: RedisKeys;
  readonly leaseMs: number;
  /** Commands of one tick travel as one pipeline. */
  readonly client: Redis;
  readonly #options: QueueOptions;
  readonly #scripts: LuaScripts;
  readonly #clients = new Set<Redis>();
  readonly #unreachable = new Set<Redis>();
  /** What is to be told of calls that wait for a reply when this is closed. */
  readonly #waiting = new Set<() => void>();
  /** Before that, errors are what connect() throws. */
  #started = false;
  #closed = false;

  constructor(options: QueueOptions, scripts: LuaScripts) {
    this.#options = options;
    this.#scripts = scripts;
    this.keys = redisKeys(options.namespace);
    this.leaseMs = options.leaseMs ?? 10_000;
    this.client = this.open({ enableAutoPipelining: true });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Another client of the same server, for what must not wait behind the rest: blocking reads, subscriptions, BullMQ. It connects when first used. */
  open(extra: { enableAutoPipelining?: boolean } = {}): Redis {
    const client = new Redis(checkedUrl(this.#options.redisUrl), {
      lazyConnect: true,
      // For ever: an outage makes commands wait, it fails none.
      maxRetriesPerRequest: null,
      retryStrategy: (tries: number) => Math.min(50 * 2 ** Math.min(tries, 10), 1_000),
      // After a failover the old primary answers READONLY: connect anew and send the command again.
      reconnectOnError: (error: Error) => (error.message.startsWith("READONLY") ? 2 : false),
      ...extra,
    });
    this.#watch(client);
    // BullMQ duplicates the client it is given: those are ours to close, too.
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (override) => this.#watch(duplicate(override));
    return client;
  }

  #watch(client: Redis): Redis {
    this.#clients.add(client);
    client.on("ready", () => this.#unreachable.delete(client));
    client.on("end", () => this.#clients.delete(client));
    // One report an outage, not one a try.
    client.on("error", (error: Error) => {
      if (this.#unreachable.has(client)) return;
      this.#unreachable.add(client);
      if (this.#started) this.report(unreachable(this.#options.redisUrl, error));
    });
    return client;
  }

  report(error: Error): void {
    if (!this.#closed) this.#options.onError?.(withoutCommand(error));
  }

  async start(timeoutMs: number, onWarning: ((message: string) => void) | undefined): Promise<void> {
    await firstReady(this.client, timeoutMs, this.#options.redisUrl);
    const verdict = checkServer(await this.client.info());
    if (!verdict.suitable) throw new SaphenaError("REDIS_UNSUITABLE", verdict.why);
    for (const warning of verdict.warnings) onWarning?.(warning);
    await Promise.all(Object.values(this.#scripts).map((script) => this.client.script("LOAD", script.text)));
    this.#started = true;
  }

  /** Runs one Lua command. Waits while Redis is away. Throws INTERNAL when the reply is none that COMMANDS lists. */
  async call<Name extends CommandName>(name: Name, args: readonly Argument[]): Promise<Reply<Name>> {
    const script = this.#scripts[name];
    const reply = await this.send(async () => {
      try {
        return await this.client.evalsha(script.sha1, 1, this.keys.prefix, ...args);
      } catch (error) {
        // A restarted server has forgotten its scripts; EVAL also teaches it this one again.
        if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
        return await this.client.eval(script.text, 1, this.keys.prefix, ...args);
      }
    });
    if (!Array.isArray(reply) || !(COMMANDS[name].replies as readonly unknown[]).includes(reply[0])) {
      throw new SaphenaError("INTERNAL", `the Lua command ${name} replied ${JSON.stringify(reply)}`);
    }
    return reply as unknown as Reply<Name>;
  }

  /** Sends commands, and again when a pipeline of theirs was cut off by the end of a connection. Throws REDIS_UNREACHABLE once it is closed. */
  send<T>(commands: () => Promise<T>): Promise<T> {
    // Never handed to a client that is going away: it might not settle it.
    if (this.#closed) return Promise.reject(new SaphenaError("REDIS_UNREACHABLE", "the connection was closed"));
    return new Promise((resolve, reject) => {
      // ioredis never settles a command that was under way when the server went and the client was then closed.
      const giveUp = (cause?: unknown): void => reject(new SaphenaError("REDIS_UNREACHABLE", "the connection was closed", { cause }));
      this.#waiting.add(giveUp);
      const attempt = async (): Promise<T> => {
        for (;;) {
          try {
            return await commands();
          } catch (error) {
            if (this.#closed || !(error instanceof Error) || !error.message.includes("aborted due to connection close")) throw error;
          }
        }
      };
      attempt()
        .then(resolve, (error: unknown) => (this.#closed ? giveUp(error) : reject(error)))
        .finally(() => this.#waiting.delete(giveUp));
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // QUIT lets replies under way arrive. Where the server went away just now it would wait for its return, hence the limit.
    const connected = [...this.#clients].filter((client) => client.status === "ready");
    const quits = Promise.all(connected.map((client) => client.quit().catch(() => undefined)));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([quits, new Promise((resolve) => (timer = setTimeout(resolve, QUIT_MS)))]);
    clearTimeout(timer);
    this.disconnect();
  }

  disconnect(): void {
    this.#closed = true;
    for (const client of this.#clients) client.disconnect();
    for (const giveUp of this.#waiting) giveUp();
  }
}

function checkedUrl(url: string): string {
  if (!URL.canParse(url) || !["redis:", "rediss:"].includes(new URL(url).protocol)) {
    throw new SaphenaError("REDIS_UNREACHABLE", "SAPHENA_REDIS_URL does not begin with redis:// or rediss://");
  }
  return url;
}

/** Names the server without its password. */
function unreachable(url: string, cause: Error | undefined): SaphenaError {
  const detail = cause === undefined ? "it did not answer" : cause.message;
  return new SaphenaError(
    "REDIS_UNREACHABLE",
    `${new URL(url).host}: ${detail}`,
    cause === undefined ? {} : { cause: withoutCommand(cause) },
  );
}

/** ioredis hangs the command on its errors, which a log prints with its arguments: for AUTH that is the password. */
function withoutCommand(error: Error): Error {
  if (!("command" in error)) return error;
  const told = new Error(error.message);
  told.name = error.name;
  if (error.stack !== undefined) told.stack = error.stack;
  return told;
}

/** Resolves when the client may be used. A refused password ends the wait at once, everything else is tried again until the time is up. */
function firstReady(client: Redis, timeoutMs: number, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let last: Error | undefined;
    const onError = (error: Error): void => {
      last = error;
      if (/^(NOAUTH|WRONGPASS|NOPERM|ERR) /.test(error.message)) settle(unreachable(url, error));
    };
    const settle = (error?: SaphenaError): void => {
      clearTimeout(timer);
      client.off("error", onError).off("ready", onReady);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onReady = (): void => settle();
    const timer = setTimeout(() => settle(unreachable(url, last)), timeoutMs);
    client.on("error", onError).on("ready", onReady);
    client.connect().catch(() => undefined); // its errors come as events
  });
}
