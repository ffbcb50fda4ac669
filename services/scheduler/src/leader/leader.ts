// The leader's loop. Of all schedulers one leads by lease; its passes turn sweeps into runs and ends into decisions. It holds no memory
// that matters: everything is read anew each pass, and a new leader goes on from Redis and the decision log.
import { setTimeout as sleep } from "node:timers/promises";
import { SaphenaError } from "@saphena/contracts";
import type { LiveSweep } from "@saphena/contracts";
import { Dispatcher } from "./dispatch.ts";
import { ParkedRuns } from "./parked-runs.ts";
import type { LeaderParts } from "./parts.ts";
import { recoverSweep } from "./recovery.ts";
import { stepSweep } from "./sweep-step.ts";
import type { StepOutcome } from "./sweep-step.ts";
import { Waker } from "./waker.ts";

/** Trials with ended runs taken in one pass. */
const MOST_SETTLING = 1000;
const MOST_PARKED = 500;
/** Also never less often than every eighth of a lease. */
const EXPIRY_EVERY_MS = 1000;
const REPAIR_EVERY_MS = 5000;
const MOST_TICK_MS = 1000;
/** From the start of one pass to the next: lets what workers report gather, at no cost that a run would notice. */
const GATHER_MS = 20;
const AFTER_FAILURE_MS = 500;
/** Resigning spares the others a wait; when Redis is away the lease just runs out. */
const MOST_RESIGN_MS = 1000;

export class Leader {
  readonly #parts: LeaderParts;
  readonly #leaseMs: number;
  readonly #tickMs: number;
  readonly #waker = new Waker();
  readonly #parkedRuns: ParkedRuns;
  readonly #dispatcher: Dispatcher;
  /** Sweeps whose log and open trials were looked through since this leadership began or a pass last broke off. */
  readonly #recovered = new Set<string>();
  #epoch: number | null = null;
  #askedAtMs = 0;
  #expiredAtMs = 0;
  #repairedAtMs = 0;
  #failing = false;
  #closed = false;
  #loop: Promise<void> = Promise.resolve();
  #unsubscribe: () => Promise<void> = () => Promise.resolve();

  constructor(parts: LeaderParts, options: { leaseMs: number }) {
    this.#parts = parts;
    this.#parkedRuns = new ParkedRuns(parts);
    this.#dispatcher = new Dispatcher(parts);
    this.#leaseMs = options.leaseMs;
    this.#tickMs = Math.min(MOST_TICK_MS, options.leaseMs / 8);
  }

  async start(): Promise<void> {
    this.#unsubscribe = await this.#parts.state.onWake(() => this.#waker.wake());
    this.#loop = this.#run();
  }

  /** Ends after the pass under way; another scheduler may lead at once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waker.wake();
    await this.#loop;
    await this.#unsubscribe().catch(() => undefined);
    if (this.#epoch !== null)
      await Promise.race([this.#parts.queue.resign().catch(() => undefined), sleep(MOST_RESIGN_MS, undefined, { ref: false })]);
    this.#epoch = null;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const startedMs = performance.now();
      const more = await this.#guarded();
      const rest = GATHER_MS - (performance.now() - startedMs);
      if (more === "at once") await this.#waker.pause(Math.max(0, rest));
      else await this.#waker.wait(more === "failed" ? AFTER_FAILURE_MS : this.#tickMs, more === "failed" ? AFTER_FAILURE_MS : rest);
    }
  }

  async #guarded(): Promise<"at once" | "idle" | "failed"> {
    try {
      const more = (await this.#lead()) && (await this.#pass());
      if (this.#failing) this.#parts.log.info("the leader's passes work again");
      this.#failing = false;
      return more ? "at once" : "idle";
    } catch (thrown) {
      this.#breakOff(thrown);
      return "failed";
    }
  }

  /** An outage is logged once, not at every try; what the broken pass left undone is looked for in the next. */
  #breakOff(thrown: unknown): void {
    const { log } = this.#parts;
    this.#recovered.clear();
    const error = SaphenaError.from(thrown);
    if (error.code === "STALE_LEADER") {
      if (this.#epoch !== null) log.info({ epoch: this.#epoch }, "another scheduler leads now");
      this.#epoch = null;
      return;
    }
    if (!this.#failing) log.error({ err: thrown }, "a pass of the leader failed; it is tried again until it works");
    this.#failing = true;
  }

  /** Takes or renews the lease, every third of it. */
  async #lead(): Promise<boolean> {
    const now = performance.now();
    if (this.#epoch !== null && now - this.#askedAtMs < this.#leaseMs / 3) return true;
    this.#askedAtMs = now;
    const { queue, log } = this.#parts;
    const leads = await queue.tryLead();
    const epoch = leads ? queue.epoch : null;
    if (epoch !== this.#epoch) {
      this.#recovered.clear();
      if (epoch !== null) log.info({ epoch }, "this scheduler leads");
      else log.info("another scheduler leads now");
    }
    this.#epoch = epoch;
    return leads;
  }

  /** True when there is more to do at once. */
  async #pass(): Promise<boolean> {
    const { state, queue } = this.#parts;
    await this.#repair();
    const [nowMs, parked, settling] = await Promise.all([
      state.nowMs(),
      queue.parkedRuns(MOST_PARKED),
      queue.settlingTrials(MOST_SETTLING),
    ]);
    const decided = await this.#parkedRuns.decide(parked, nowMs);
    // Cleared before the trials are read: a run that ends from now on puts its trial back. One whose runs have all ended stays listed.
    const [sweeps] = await Promise.all([state.activeSweeps(), ...settling.map(({ sweep, trial }) => queue.clearSettling(sweep, trial))]);
    const ended = new Map(sweeps.map((sweep) => [sweep.record.id, [] as number[]]));
    for (const { sweep, trial } of settling) ended.get(sweep)?.push(trial);
    const steps = sweeps.map((sweep) => this.#step(sweep, ended.get(sweep.record.id) ?? [], nowMs));
    // Meanwhile runs made earlier are handed out: no slot waits for the log, and no sweep for the failure of another.
    const outcomes = await Promise.allSettled([...steps, this.#dispatcher.dispatch(sweeps, nowMs)]);
    for (const id of this.#recovered) if (!ended.has(id)) this.#forget(id);
    const failure = outcomes.find((outcome) => outcome.status === "rejected");
    if (failure !== undefined) throw failure.reason;
    const again = outcomes.some((outcome) => outcome.status === "fulfilled" && (outcome.value === "more" || outcome.value === "again"));
    return again || (parked.length === MOST_PARKED && decided > 0) || settling.length === MOST_SETTLING;
  }

  async #step(sweep: LiveSweep, ended: number[], nowMs: number): Promise<StepOutcome> {
    const id = sweep.record.id;
    // A paused sweep is looked through when it goes on, since its trials cannot be made before.
    const lookThrough = !this.#recovered.has(id) && (sweep.state !== "paused" || sweep.stopping !== null);
    if (lookThrough) {
      const { openTrials } = await recoverSweep(this.#parts, sweep);
      this.#recovered.add(id);
      const fresh = await this.#parts.state.sweep(id);
      if (fresh === null) return "done";
      return this.#step(fresh, [...new Set([...ended, ...openTrials])], nowMs);
    }
    const outcome = await stepSweep(this.#parts, sweep, ended, nowMs);
    if (outcome === "again") this.#recovered.delete(id);
    return outcome;
  }

  #forget(sweep: string): void {
    this.#recovered.delete(sweep);
    this.#parts.decisions.forget(sweep);
  }

  /** What time alone brings about: leases that ran out, jobs that delivery lost or kept. */
  async #repair(): Promise<void> {
    const { queue, log } = this.#parts;
    const now = performance.now();
    if (now - this.#expiredAtMs >= Math.min(EXPIRY_EVERY_MS, this.#leaseMs / 8)) {
      this.#expiredAtMs = now;
      const lost = await queue.expireLeases();
      if (lost.length > 0) log.warn({ runs: lost }, "leases ran out");
    }
    if (now - this.#repairedAtMs >= REPAIR_EVERY_MS) {
      this.#repairedAtMs = now;
      const redelivered = await queue.redeliver();
      const cleaned = await queue.cleanUpJobs();
      if (redelivered + cleaned > 0) log.info({ redelivered, cleaned }, "delivery repaired");
    }
  }
}
