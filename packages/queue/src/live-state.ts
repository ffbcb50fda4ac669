// The live state of all sweeps, as any process may read and edit it. What only the leader or a worker may do is in leader-queue.ts and
// worker-queue.ts. Every change is one Lua command (packages/queue/lua), so it is whole or not at all.
import { randomUUID } from "node:crypto";
import { SaphenaError, durationMs } from "@saphena/contracts";
import type {
  CommandReply,
  ControlMessage,
  LiveRun,
  LiveSweep,
  LiveTrial,
  Parameters,
  PoolStatus,
  SweepRecord,
  WorkerStatus,
} from "@saphena/contracts";
import { Channels } from "./channels.ts";
import { connect } from "./connection.ts";
import type { Connection, QueueOptions } from "./connection.ts";
import { encodeOutcome } from "./events.ts";
import { LiveReads } from "./live-reads.ts";
import { EventStreams } from "./streams.ts";
import type { StreamBatch, StreamIds } from "./streams.ts";

export interface Retry {
  /** The failed or cancelled trial. */
  retryOf: number;
  parameters: Parameters;
}
export type EditReply = CommandReply<"moveSweep">;

/**
 * All methods wait while Redis is away and fail only after close(). An edit of what is so already (pausing a paused sweep) is "ok".
 */
export interface LiveState {
  /** Appends sweepSubmitted and wakes the leader. "exists": the client tried again. */
  submitSweep(record: SweepRecord): Promise<CommandReply<"submitSweep">>;
  moveSweep(sweep: string, to: "pause" | "resume" | "cancel"): Promise<EditReply>;
  /**
   * Raises the budget by `trials` and by one for each of `retries` that failed or was cancelled and was not retried before; resumes a
   * paused sweep, reopens a completed or failed one. "wrong-state" when nothing is added.
   */
  addTrials(sweep: string, trials: number, retries?: Retry[]): Promise<EditReply>;
  sweeps(): Promise<LiveSweep[]>;
  activeSweeps(): Promise<LiveSweep[]>;
  sweep(id: string): Promise<LiveSweep | null>;
  trial(sweep: string, number: number): Promise<LiveTrial | null>;
  trials(sweep: string, numbers: number[]): Promise<LiveTrial[]>;
  openTrials(sweep: string): Promise<number[]>;
  run(id: string): Promise<LiveRun | null>;
  runs(ids: string[]): Promise<(LiveRun | null)[]>;
  /** Heartbeat younger than three leases. */
  workers(): Promise<WorkerStatus[]>;
  pools(): Promise<PoolStatus[]>;
  nowMs(): Promise<number>;
  /** "0-0" when nothing was ever appended. */
  lastIds(): Promise<StreamIds>;
  /** One reader a LiveState: calls wait for one another. */
  readStreams(after: StreamIds, options: { count: number; blockMs: number }): Promise<StreamBatch>;
  /** The entries with these ids stay. */
  trimStreams(before: StreamIds): Promise<void>;
  logTail(run: string): Promise<string[]>;
  /** Something happened that the leader should look at. Resolves once subscribed, with what ends the subscription. */
  onWake(listener: () => void): Promise<() => Promise<void>>;
  onControl(listener: (message: ControlMessage) => void): Promise<() => Promise<void>>;
  /** Throws REDIS_UNREACHABLE when Redis does not answer within two seconds. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Any process. Throws REDIS_UNREACHABLE after connectTimeoutMs, REDIS_UNSUITABLE when the server is too old or may evict keys. */
export async function connectLiveState(options: QueueOptions): Promise<LiveState> {
  return new RedisLiveState(await connect(options));
}

/** For the queues of this package: they share the connection of the state they are made from. */
export function readsOf(state: LiveState): LiveReads {
  if (!(state instanceof RedisLiveState)) throw new SaphenaError("INTERNAL", "this LiveState was not made by connectLiveState");
  return state;
}

class RedisLiveState extends LiveReads implements LiveState {
  readonly #streams: EventStreams;
  readonly #channels: Channels;

  constructor(connection: Connection) {
    super(connection);
    this.#streams = new EventStreams(connection);
    this.#channels = new Channels(connection);
  }

  async submitSweep(record: SweepRecord): Promise<CommandReply<"submitSweep">> {
    const { resources, budget } = record.spec;
    const event = encodeOutcome({ type: "sweepSubmitted", record });
    const [reply] = await this.connection.call("submitSweep", [
      record.id,
      JSON.stringify(record),
      budget.trials,
      record.folds,
      resources.concurrency,
      resources.pool,
      event,
      budget.wallClock === undefined ? "" : durationMs(budget.wallClock),
      budget.gpuHours === undefined ? "" : budget.gpuHours * 3600,
    ]);
    return reply;
  }

  async moveSweep(sweep: string, to: "pause" | "resume" | "cancel"): Promise<EditReply> {
    return (await this.connection.call("moveSweep", [sweep, to]))[0];
  }

  async addTrials(sweep: string, trials: number, retries: Retry[] = []): Promise<EditReply> {
    // createTrials finds a retry again by how its text begins.
    const texts = retries.flatMap(({ retryOf, parameters }) => [retryOf, JSON.stringify({ retryOf, parameters })]);
    return (await this.connection.call("addTrials", [sweep, randomUUID(), trials, ...texts]))[0];
  }

  lastIds(): Promise<StreamIds> {
    return this.#streams.lastIds();
  }

  readStreams(after: StreamIds, options: { count: number; blockMs: number }): Promise<StreamBatch> {
    return this.#streams.read(after, options);
  }

  trimStreams(before: StreamIds): Promise<void> {
    return this.#streams.trim(before);
  }

  onWake(listener: () => void): Promise<() => Promise<void>> {
    return this.#channels.onWake(listener);
  }

  onControl(listener: (message: ControlMessage) => void): Promise<() => Promise<void>> {
    return this.#channels.onControl(listener);
  }

  async ping(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new SaphenaError("REDIS_UNREACHABLE", "no answer within 2 s")), 2_000);
    });
    try {
      await Promise.race([this.connection.send(() => this.connection.client.ping()), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}
