// What one worker process does. Every command about a run carries (run, attempt) and the worker's name; when that is not the attempt that
// runs now, Lua changes nothing and replies stale-attempt: the worker must drop what it was doing.
import { SaphenaError, jobId, parseRunId } from "@saphena/contracts";
import type {
  AttemptFailure,
  CheckpointRef,
  CommandReply,
  DeviceStatus,
  EpochPoints,
  LiveRun,
  Parameters,
  RunAddress,
  RunResult,
  SweepRecord,
} from "@saphena/contracts";
import { checkpointRefSchema, attemptFailureSchema } from "@saphena/contracts";
import type { Connection } from "./connection.ts";
import { startDelivery } from "./delivery.ts";
import type { Delivery } from "./delivery.ts";
import { encodeOutcome, encodePoints } from "./events.ts";
import { hashFrom, runFrom } from "./hashes.ts";
import type { LiveReads } from "./live-reads.ts";
import { readsOf } from "./live-state.ts";
import type { LiveState } from "./live-state.ts";
import { resultArguments } from "./results.ts";

export interface WorkerOptions {
  /** Unique to this process. */
  worker: string;
  pool: string;
  slots: number;
  host: string;
  pid: number;
  leaseMs?: number;
  /** What every heartbeat tells of this worker's devices: the newest known, at once. */
  devices?: () => readonly DeviceStatus[];
}
export interface RunningAttempt {
  run: string;
  attempt: number;
  epoch: number;
  epochs: number;
  imagesPerSecond: number | null;
}
export type Claim =
  | { reply: "claimed"; sweep: SweepRecord; parameters: Parameters; run: LiveRun }
  | { reply: "paused" | "cancelled" | "stale-attempt" };
export type CheckpointReply = { reply: "ok"; replaces: CheckpointRef | null } | { reply: "stale-attempt" };
export type HeartbeatReply = "ok" | "cancel" | "release" | "stale-attempt";

const HEARTBEAT_REPLIES: readonly unknown[] = ["ok", "cancel", "release", "stale-attempt"] satisfies HeartbeatReply[];
const LOG_LINES = 200;
/** The log tail is for watching; the log itself is in the store. */
const LOG_SECONDS = 3_600;

export function createWorkerQueue(state: LiveState, options: WorkerOptions): WorkerQueue {
  return new RedisWorkerQueue(readsOf(state), options);
}

export type WorkerQueue = { readonly [Member in keyof RedisWorkerQueue]: RedisWorkerQueue[Member] };

class RedisWorkerQueue {
  readonly #reads: LiveReads;
  readonly #connection: Connection;
  readonly #options: WorkerOptions;
  readonly #leaseMs: number;

  constructor(reads: LiveReads, options: WorkerOptions) {
    this.#reads = reads;
    this.#connection = reads.connection;
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? reads.connection.leaseMs;
  }

  /** Starts delivery: `process` runs one attempt to its end and never throws. At most `slots` at once. */
  consume(process: (run: string, attempt: number) => Promise<void>): Promise<Delivery> {
    const { pool, worker, slots } = this.#options;
    return startDelivery(this.#connection, { pool, worker, slots, process });
  }

  async claim(run: string, attempt: number): Promise<Claim> {
    const event = encodeOutcome({ type: "runStarted", ...addressOf(run), attempt, worker: this.#options.worker });
    const [reply, record, parameters, fields] = await this.#connection.call("claim", [
      run,
      attempt,
      this.#options.worker,
      this.#leaseMs,
      event,
    ]);
    if (reply !== "claimed") return { reply };
    const live = runFrom(hashFrom(fields as unknown[]));
    if (live === null) throw new SaphenaError("INTERNAL", `the record of ${run} is empty`);
    return { reply, sweep: this.#reads.records.parse(String(record)), parameters: JSON.parse(String(parameters)) as Parameters, run: live };
  }

  /** Registers this worker and renews the leases of these runs, also late ones. The replies are by run id. */
  async heartbeat(running: readonly RunningAttempt[]): Promise<Map<string, HeartbeatReply>> {
    const { worker, pool, slots, host, pid } = this.#options;
    const listed = running.map(({ run, attempt, epoch, epochs, imagesPerSecond }) => ({ run, attempt, epoch, epochs, imagesPerSecond }));
    const attempts = running.flatMap(({ run, attempt }) => [run, attempt]);
    const [, ...replies] = await this.#connection.call("heartbeat", [
      worker,
      this.#leaseMs,
      pool,
      slots,
      host,
      pid,
      JSON.stringify(listed),
      JSON.stringify(this.#options.devices?.() ?? []),
      ...attempts,
    ]);
    return new Map(running.map(({ run, attempt }, at) => [run, heartbeatReply(replies[at], jobId(run, attempt))]));
  }

  async reportPoints(run: string, attempt: number, points: EpochPoints): Promise<CommandReply<"reportPoints">> {
    const event = encodePoints({ ...addressOf(run), attempt, points });
    return (await this.#connection.call("reportPoints", [run, attempt, this.#options.worker, points.epoch, event]))[0];
  }

  /** `replaces`: the checkpoint that may now be removed from the store. */
  async recordCheckpoint(run: string, checkpoint: CheckpointRef): Promise<CheckpointReply> {
    const text = JSON.stringify(checkpointRefSchema.parse(checkpoint));
    const [reply, previous] = await this.#connection.call("recordCheckpoint", [run, checkpoint.attempt, this.#options.worker, text]);
    if (reply === "stale-attempt") return { reply };
    return { reply, replaces: previous === "" ? null : checkpointRefSchema.parse(JSON.parse(String(previous))) };
  }

  /** Keeps the newest 200 lines for `saphena logs`. */
  async appendLog(run: string, lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const { client, keys } = this.#connection;
    const key = keys.logTail(run);
    const newest = lines.slice(-LOG_LINES);
    await this.#connection.send(() =>
      Promise.all([client.rpush(key, ...newest), client.ltrim(key, -LOG_LINES, -1), client.expire(key, LOG_SECONDS)]),
    );
  }

  /** May result.json be written? */
  async beginCommit(run: string, attempt: number): Promise<CommandReply<"beginCommit">> {
    return (await this.#connection.call("beginCommit", [run, attempt, this.#options.worker, this.#leaseMs]))[0];
  }

  /** After result.json is in the store. "finished" also when this very result (its nonce) is in already. */
  async finish(result: RunResult): Promise<CommandReply<"finish">> {
    return (await this.#connection.call("finish", [result.run, result.attempt, this.#options.worker, ...resultArguments(result)]))[0];
  }

  /** Parks the run for the leader; released and paused ones go straight back to the backlog unless they must stop. */
  async endAttempt(run: string, failure: AttemptFailure): Promise<CommandReply<"endAttempt">> {
    const text = JSON.stringify(attemptFailureSchema.parse(failure));
    return (await this.#connection.call("endAttempt", [run, failure.attempt, this.#options.worker, failure.reason, text]))[0];
  }

  async removeWorker(): Promise<void> {
    await this.#connection.call("removeWorker", [this.#options.worker]);
  }
}

function addressOf(run: string): RunAddress {
  const address = parseRunId(run);
  if (address === null) throw new SaphenaError("INTERNAL", `not a run id: ${run}`);
  return address;
}

function heartbeatReply(reply: unknown, attempt: string): HeartbeatReply {
  if (!HEARTBEAT_REPLIES.includes(reply)) throw new SaphenaError("INTERNAL", `the heartbeat of ${attempt} was answered ${String(reply)}`);
  return reply as HeartbeatReply;
}
