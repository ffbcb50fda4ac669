// What only the leading scheduler may do. Each command carries the epoch of its leadership; once another leads, Lua refuses it and the
// call throws STALE_LEADER, so a leader that was only slow can change nothing any more.
import { randomUUID } from "node:crypto";
import { SaphenaError } from "@saphena/contracts";
import type { CommandName, CommandReply, FinalState, LiveRun, Parameters, RunResult } from "@saphena/contracts";
import type { Argument, Connection } from "./connection.ts";
import { JobQueues } from "./delivery.ts";
import type { Attempt } from "./delivery.ts";
import { encodeOutcome } from "./events.ts";
import type { LiveReads } from "./live-reads.ts";
import { readsOf } from "./live-state.ts";
import type { LiveState } from "./live-state.ts";
import { resultArguments } from "./results.ts";

export interface NewTrial {
  parameters: Parameters;
  /** The failed or cancelled trial whose parameters these are. */
  retryOf: number | null;
}
export interface TrialSettlement {
  state: FinalState;
  reason: string | null;
  /** The objective, mean over the folds. */
  value: number | null;
  /** The sweep's best so far. */
  best: boolean;
}
type Obeyed<Name extends CommandName> = Exclude<CommandReply<Name>, "stale-leader">;

/** The scheduler's leader. `owner` names this process and must be unique. */
export function createLeaderQueue(state: LiveState, options: { owner: string; leaseMs?: number }): LeaderQueue {
  const reads = readsOf(state);
  return new RedisLeaderQueue(reads, options.owner, options.leaseMs ?? reads.connection.leaseMs);
}

export type LeaderQueue = { readonly [Member in keyof RedisLeaderQueue]: RedisLeaderQueue[Member] };

class RedisLeaderQueue {
  readonly #reads: LiveReads;
  readonly #connection: Connection;
  readonly #jobs: JobQueues;
  readonly #owner: string;
  readonly #leaseMs: number;
  #epoch: string | null = null;
  /** Jobs seen in a worker's hands without a claim, at the last clean-up. */
  #unclaimed = new Set<string>();

  constructor(reads: LiveReads, owner: string, leaseMs: number) {
    this.#reads = reads;
    this.#connection = reads.connection;
    this.#jobs = new JobQueues(reads.connection);
    this.#owner = owner;
    this.#leaseMs = leaseMs;
  }

  /** null while this process does not lead. */
  get epoch(): number | null {
    return this.#epoch === null ? null : Number(this.#epoch);
  }

  /** Takes or renews the leadership; to be called every third of a lease. */
  async tryLead(): Promise<boolean> {
    const [reply, epoch] = await this.#connection.call("acquireLeadership", [this.#owner, this.#epoch ?? "0", this.#leaseMs]);
    this.#epoch = reply === "acquired" ? String(epoch) : null;
    return reply === "acquired";
  }

  /** Lets another process lead at once. */
  async resign(): Promise<void> {
    if (this.#epoch === null) return;
    await this.#connection.call("releaseLeadership", [this.#owner, this.#epoch]);
    this.#epoch = null;
  }

  /** Creates trials `first`, `first + 1`… with all folds of each, or none of them. A queued sweep becomes running. */
  async createTrials(sweep: string, first: number, trials: NewTrial[]): Promise<Obeyed<"createTrials">> {
    if (trials.length === 0) return "created";
    const texts = trials.flatMap(({ parameters, retryOf }) => [JSON.stringify(parameters), retryOf ?? ""]);
    return (await this.#lead("createTrials", [sweep, first, randomUUID(), ...texts]))[0];
  }

  async setLogSegments(sweep: string, segments: number): Promise<void> {
    await this.#lead("setLogSegments", [sweep, segments]);
  }

  /** The first run ids in the order of dispatch: by trial, then fold. */
  async backlog(sweep: string, count: number): Promise<string[]> {
    if (count <= 0) return [];
    return await this.#connection.send(() => this.#connection.client.zrange(this.#connection.keys.backlog(sweep), "0", String(count - 1)));
  }

  /** Allocates an attempt of each run and hands it to BullMQ: three round trips for all of them. A run whose job could not be added stays noted for redeliver(). */
  async dispatch(runs: readonly { run: string; pool: string }[]): Promise<Obeyed<"dispatch">[]> {
    const replies = await Promise.all(runs.map(({ run, pool }) => this.#lead("dispatch", [run, pool])));
    const perPool = new Map<string, Attempt[]>();
    for (const [at, [reply, attempt]] of replies.entries()) {
      if (reply !== "dispatched") continue;
      const { run, pool } = runs[at]!;
      perPool.set(pool, [...(perPool.get(pool) ?? []), { run, attempt: Number(attempt) }]);
    }
    await Promise.all([...perPool].map(([pool, attempts]) => this.#deliver(pool, attempts)));
    return replies.map(([reply]) => reply);
  }

  /** Adds to BullMQ again what a crash between Lua and BullMQ left behind. The number of jobs added. */
  async redeliver(): Promise<number> {
    const { client, keys } = this.#connection;
    const counts = (await this.#pools()).map(async (pool) => {
      const notes = await this.#connection.send(() => client.hgetall(keys.dispatching(pool)));
      const attempts = Object.entries(notes).map(([run, attempt]) => ({ run, attempt: Number(attempt) }));
      await this.#deliver(pool, attempts);
      return attempts.length;
    });
    return (await Promise.all(counts)).reduce((total, count) => total + count, 0);
  }

  /** Runs that ended an attempt without a result and wait for requeue() or settleRun(). */
  async parkedRuns(limit: number): Promise<LiveRun[]> {
    const { client, keys } = this.#connection;
    const ids = await this.#connection.send(() => client.srandmember(keys.parked, limit));
    const runs = await this.#reads.runs(ids ?? []);
    return runs.filter((run) => run !== null && run.parked !== null) as LiveRun[];
  }

  /** Trials whose runs ended or that must stop: settleTrial() or clearSettling() takes them off the list. */
  async settlingTrials(limit: number): Promise<{ sweep: string; trial: number }[]> {
    const { client, keys } = this.#connection;
    const members = await this.#connection.send(() => client.srandmember(keys.settling, limit));
    return (members ?? []).map((member) => {
      const [sweep, trial] = member.split("/");
      return { sweep: sweep!, trial: Number(trial) };
    });
  }

  /** A parked run goes back to the backlog for another attempt. */
  async requeue(run: string): Promise<Obeyed<"requeue">> {
    return (await this.#lead("requeue", [run]))[0];
  }

  /** To be called at least every quarter of a lease: time during which nobody looked does not count against the workers. */
  async expireLeases(): Promise<string[]> {
    const [, ...runs] = await this.#lead("expireLeases", [this.#leaseMs]);
    return runs.map(String);
  }

  /** The result is in the store, written by whichever attempt; the run becomes final wherever it is. */
  async settleRun(result: RunResult): Promise<Obeyed<"settleRun">> {
    return (await this.#lead("settleRun", [result.run, ...resultArguments(result)]))[0];
  }

  /** `only: "unstarted"`: "wrong-state" once a run of it has started. */
  async stopTrial(
    sweep: string,
    trial: number,
    why: "failed" | "cancelled" | "pruned",
    reason: string,
    only?: "unstarted",
  ): Promise<Obeyed<"stopTrial">> {
    return (await this.#lead("stopTrial", [sweep, trial, why, reason, only ?? ""]))[0];
  }

  /** "wrong-state" while a run of it is not final. */
  async settleTrial(sweep: string, trial: number, settle: TrialSettlement): Promise<Obeyed<"settleTrial">> {
    const { state, reason, value, best } = settle;
    if (best && value === null) throw new SaphenaError("INTERNAL", `trial ${trial} of ${sweep} cannot be the best without a value`);
    const event = encodeOutcome({ type: "trialSettled", sweep, trial, state, reason, value });
    return (await this.#lead("settleTrial", [sweep, trial, state, reason ?? "", value ?? "", best ? "1" : "0", event]))[0];
  }

  /** Nothing to do for this trial now. It stays listed when its last run has ended meanwhile. */
  async clearSettling(sweep: string, trial: number): Promise<void> {
    await this.#lead("clearSettling", [sweep, trial]);
  }

  async stopSweep(sweep: string, why: "failed", reason: string): Promise<Obeyed<"stopSweep">> {
    return (await this.#lead("stopSweep", [sweep, why, reason]))[0];
  }

  /** "wrong-state" while a trial is open, when the sweep is stopping for something else, or when `seen.trialBudget` is no longer the budget. */
  async settleSweep(
    sweep: string,
    state: FinalState,
    reason: string | null,
    seen?: { trialBudget: number },
  ): Promise<Obeyed<"settleSweep">> {
    return (await this.#lead("settleSweep", [sweep, state, reason ?? "", seen?.trialBudget ?? ""]))[0];
  }

  /**
   * Mends what BullMQ has wrong: jobs that dead workers hold are removed, runs whose job was lost before a claim go back to the backlog.
   * Slow work, for every few leases. The number of jobs mended.
   */
  async cleanUpJobs(): Promise<number> {
    const held = new Set<string>();
    const mended = await Promise.all(
      (await this.#pools()).map(async (pool) => (await this.#withdrawLost(pool, held)) + (await this.#removeAbandoned(pool))),
    );
    this.#unclaimed = held;
    return mended.reduce((total, count) => total + count, 0);
  }

  /** Waiting for more than a lease, and not with BullMQ: or with a worker that has not claimed it since the last clean-up. */
  async #withdrawLost(pool: string, held: Set<string>): Promise<number> {
    const { client, keys } = this.#connection;
    const before = (await this.#reads.nowMs()) - this.#leaseMs;
    const ids = await this.#connection.send(() => client.zrangebyscore(keys.waiting(pool), "-inf", String(before)));
    const withdrawn = ids.map(async (run) => {
      const [attempt, note] = await this.#connection.send(() =>
        Promise.all([client.hget(keys.run(run), "attempt"), client.hget(keys.dispatching(pool), run)]),
      );
      if (note !== null) return false; // redeliver's
      const where = await this.#jobs.whereIs(pool, { run, attempt: Number(attempt) });
      const name = `${run}/${attempt}`;
      if (where === "active") held.add(name);
      if (where === "waiting" || (where === "active" && !this.#unclaimed.has(name))) return false;
      return (await this.#lead("withdraw", [run, attempt ?? 0]))[0] === "ok";
    });
    return (await Promise.all(withdrawn)).filter(Boolean).length;
  }

  async #removeAbandoned(pool: string): Promise<number> {
    const { client, keys } = this.#connection;
    const removed = (await this.#jobs.active(pool)).map(async (job) => {
      const [attempt, place] = await this.#connection.send(() => client.hmget(keys.run(job.run), "attempt", "place"));
      const current = Number(attempt) === job.attempt && (place === "dispatched" || place === "running");
      return !current && (await this.#jobs.remove(pool, job));
    });
    return (await Promise.all(removed)).filter(Boolean).length;
  }

  async #deliver(pool: string, attempts: readonly Attempt[]): Promise<void> {
    if (attempts.length === 0) return;
    try {
      await this.#jobs.add(pool, attempts);
    } catch (error) {
      // The notes stay, so redeliver() does it again.
      this.#connection.report(SaphenaError.from(error));
      return;
    }
    await this.#lead("acknowledgeDispatch", [pool, ...attempts.flatMap(({ run, attempt }) => [run, attempt])]);
  }

  #pools(): Promise<string[]> {
    return this.#connection.send(() => this.#connection.client.smembers(this.#connection.keys.pools));
  }

  /** One command with the leader's fence in front. */
  async #lead<Name extends CommandName>(name: Name, args: readonly Argument[]): Promise<readonly [Obeyed<Name>, ...unknown[]]> {
    const epoch = this.#epoch;
    if (epoch === null) throw new SaphenaError("STALE_LEADER", `${name} without leadership`);
    const reply = await this.#connection.call(name, [this.#owner, epoch, ...args]);
    if (reply[0] === "stale-leader") {
      if (this.#epoch === epoch) this.#epoch = null;
      throw new SaphenaError("STALE_LEADER", `${name} came from epoch ${epoch}`);
    }
    return reply as readonly [Obeyed<Name>, ...unknown[]];
  }
}
