// Reading the two event streams, over a connection of their own because reads block.
import { SaphenaError, outcomeEventSchema, pointsEventSchema } from "@saphena/contracts";
import type { OutcomeEvent, PointsEvent } from "@saphena/contracts";
import type { Redis } from "ioredis";
import type { z } from "zod";
import type { Connection } from "./connection.ts";

/** A stream id of each stream; "0-0" is before the first entry. */
export interface StreamIds {
  outcomes: string;
  points: string;
}
export interface StreamBatch {
  outcomes: { id: string; event: OutcomeEvent }[];
  points: { id: string; event: PointsEvent }[];
}
type Entries = [id: string, fields: string[]][];

export class EventStreams {
  readonly #connection: Connection;
  #blocking: Redis | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Up to `count` entries of each stream after `after`, waiting up to `blockMs` for the first. Empty after close(). Calls wait for one another. */
  async read(after: StreamIds, { count, blockMs }: { count: number; blockMs: number }): Promise<StreamBatch> {
    const { keys } = this.#connection;
    this.#blocking ??= this.#connection.open();
    const blocking = this.#blocking;
    const batch: StreamBatch = { outcomes: [], points: [] };
    let reply: unknown;
    try {
      // BLOCK 0 would wait for ever.
      reply = await this.#connection.send(() =>
        blockMs > 0
          ? blocking.xread("COUNT", count, "BLOCK", blockMs, "STREAMS", keys.outcomes, keys.points, after.outcomes, after.points)
          : blocking.xread("COUNT", count, "STREAMS", keys.outcomes, keys.points, after.outcomes, after.points),
      );
    } catch (error) {
      if (this.#connection.closed) return batch;
      throw error;
    }
    for (const [stream, entries] of (reply ?? []) as [string, Entries][]) {
      if (stream === keys.outcomes) batch.outcomes = entries.map((entry) => decode(entry, outcomeEventSchema));
      else batch.points = entries.map((entry) => decode(entry, pointsEventSchema));
    }
    return batch;
  }

  /** The newest id of each stream, also when its entries have been trimmed. */
  async lastIds(): Promise<StreamIds> {
    const { keys } = this.#connection;
    const [outcomes, points] = await Promise.all([this.#lastId(keys.outcomes), this.#lastId(keys.points)]);
    return { outcomes, points };
  }

  /** Removes what lies before these ids, which themselves stay. */
  async trim(before: StreamIds): Promise<void> {
    const { client, keys } = this.#connection;
    await this.#connection.send(() =>
      Promise.all([client.xtrim(keys.outcomes, "MINID", before.outcomes), client.xtrim(keys.points, "MINID", before.points)]),
    );
  }

  async #lastId(stream: string): Promise<string> {
    const { client } = this.#connection;
    const info = await this.#connection.send(async () => {
      try {
        return (await client.xinfo("STREAM", stream)) as unknown[];
      } catch (error) {
        if (error instanceof Error && error.message.includes("no such key")) return [];
        throw error;
      }
    });
    const at = info.indexOf("last-generated-id");
    return at === -1 ? "0-0" : String(info[at + 1]);
  }
}

function decode<Schema extends z.ZodType>([id, fields]: [string, string[]], schema: Schema): { id: string; event: z.output<Schema> } {
  const outcome = schema.safeParse(JSON.parse(fields[fields.indexOf("event") + 1] ?? "null"));
  if (!outcome.success) throw new SaphenaError("INTERNAL", `stream entry ${id} is not readable: ${outcome.error.message}`);
  return { id, event: outcome.data };
}
