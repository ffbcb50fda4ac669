// Server-sent events by hand over a fetch body: browsers' EventSource cannot send a bearer token, and Node 20 has none.
import { SaphenaError, livePointsSchema, sweepStatusSchema, workerStatusSchema } from "@saphena/contracts";
import type { LivePoints, SweepStatus, WorkerStatus } from "@saphena/contracts";
import { pause, type Transport } from "./transport.ts";

/** One event as the wire has it (the fields of the HTML standard, section 9.2). */
export interface WireEvent {
  event: string;
  data: string;
  id: string | null;
}

/** Splits chunks of text, cut anywhere, into events. Comments are dropped; an unfinished event at the end is, too. */
export class EventParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private id: string | null = null;
  /** What the server asked to wait before reconnecting. */
  retryMs: number | null = null;

  push(text: string): WireEvent[] {
    this.rest += text;
    const events: WireEvent[] = [];
    for (;;) {
      // A lone CR at the end may be the first half of CRLF: wait for more.
      const end = /\r\n|\n|\r(?=[^])/.exec(this.rest);
      if (end === null) return events;
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      if (line === "") events.push(...this.take());
      else this.field(line);
    }
  }

  private take(): WireEvent[] {
    const { event, data, id } = this;
    this.event = "";
    this.data = [];
    return data.length === 0 ? [] : [{ event: event === "" ? "message" : event, data: data.join("\n"), id }];
  }

  private field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.event = value;
    else if (name === "data") this.data.push(value);
    else if (name === "id") this.id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }
}

export type SweepEvent =
  | { type: "status"; status: SweepStatus }
  | { type: "points"; points: LivePoints }
  /** Something in the table of trials changed: ask for it again. */
  | { type: "trials" }
  /** null: something about the workers changed, without saying what. */
  | { type: "workers"; workers: WorkerStatus[] | null };

/** null for an event this client does not know: a newer server may send more. */
export function sweepEvent(wire: WireEvent): SweepEvent | null {
  if (wire.event === "trials") return { type: "trials" };
  const body: unknown = JSON.parse(wire.data);
  if (wire.event === "status") return { type: "status", status: sweepStatusSchema.parse(body) };
  if (wire.event === "points") return { type: "points", points: livePointsSchema.parse(body) };
  if (wire.event !== "workers") return null;
  const workers = workerStatusSchema.array().safeParse(body);
  return { type: "workers", workers: workers.success ? workers.data : null };
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/**
 * The events at `path`, reconnecting when the stream ends. Ends when `signal` is aborted; throws what the server answers when it refuses,
 * SERVER_UNREACHABLE when it cannot be reached again (the transport's own patience counts).
 */
export async function* readEvents(transport: Transport, path: string, signal?: AbortSignal): AsyncGenerator<SweepEvent, void, undefined> {
  let lastId: string | null = null;
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    // `finally` aborts it, so leaving the loop early closes the connection.
    const closing = new AbortController();
    const signals = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
    const parser = new EventParser();
    try {
      const headers = { accept: "text/event-stream", ...(lastId === null ? {} : { "last-event-id": lastId }) };
      const response = await transport.request(path, { headers, signal: signals, timeoutMs: null });
      for await (const wire of wireEvents(response, parser)) {
        lastId = wire.id ?? lastId;
        pauseMs = FIRST_PAUSE_MS;
        const event = sweepEvent(wire);
        if (event !== null) yield event;
      }
    } catch (thrown) {
      if (signal?.aborted === true) return;
      // A connection that broke in the middle is reconnected; a refusal, or an event that does not parse, is told.
      if (thrown instanceof SaphenaError) throw thrown;
      if (!(thrown instanceof TypeError))
        throw new SaphenaError("INTERNAL", "the server sent an event that this client does not understand", { cause: thrown });
    } finally {
      closing.abort();
    }
    try {
      await pause(parser.retryMs ?? pauseMs, signal);
    } catch {
      return; // aborted while waiting
    }
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }
}

async function* wireEvents(response: Response, parser: EventParser): AsyncGenerator<WireEvent, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield* parser.push(decoder.decode(value as Uint8Array, { stream: true }));
  }
}
