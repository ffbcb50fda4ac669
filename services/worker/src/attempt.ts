// Executes one attempt of a run from its claim to its end: data, trainer, points, checkpoints, commit. Every outcome is told to
// the queue under the attempt's fence, so a worker that was thought dead can change nothing.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { SaphenaError, applyParameters, runKeys } from "@saphena/contracts";
import type { AttemptEnd, FromTrainer, LaunchTrainer, LiveRun, Parameters, SweepRecord, TrainerStart } from "@saphena/contracts";
import { foldAt } from "@saphena/dataset";
import type { ObjectStore } from "@saphena/object-store";
import type { WorkerQueue } from "@saphena/queue";
import { effectiveHeads, runSeed } from "@saphena/sweep";
import type { Logger } from "pino";
import type { AttemptOutcome, Finished } from "./attempt-outcome.ts";
import { createCheckpointTransfer, fetchCheckpoint } from "./checkpoint-transfer.ts";
import type { CheckpointTransfer } from "./checkpoint-transfer.ts";
import { commit } from "./commit.ts";
import type { SweepData } from "./sweep-data.ts";
import { startSession } from "./training-session.ts";
import type { StopGraceMs, TrainingSession } from "./training-session.ts";

export interface AttemptParts {
  queue: WorkerQueue;
  store: ObjectStore;
  data: SweepData;
  launch: LaunchTrainer;
  worker: string;
  workFolder: string;
  grace: StopGraceMs;
  checkpointEvery: number;
  log: Logger;
  now: () => number;
  nonce: () => string;
}

/** A run in a slot, as heartbeats and stop requests see it. */
export interface ActiveAttempt {
  readonly run: string;
  readonly attempt: number;
  readonly sweep: string;
  progress: { epoch: number; epochs: number; imagesPerSecond: number | null };
  stop(how: "cancel" | "release" | "abandon"): void;
}

interface Claimed {
  sweep: SweepRecord;
  parameters: Parameters;
  run: LiveRun;
}

/** Ends when the attempt has ended; never throws. */
export async function executeAttempt(parts: AttemptParts, run: string, attempt: number, active: Map<string, ActiveAttempt>): Promise<void> {
  const log = parts.log.child({ run, attempt });
  const folder = join(parts.workFolder, `${run}-${attempt}`);
  try {
    const claim = await parts.queue.claim(run, attempt);
    if (claim.reply !== "claimed") return log.info({ reply: claim.reply }, "claim refused");
    await new Execution(parts, claim, attempt, folder, active, log).execute();
  } catch (error) {
    log.error({ err: error }, "the attempt ended with an unexpected error");
  } finally {
    active.delete(run);
    await rm(folder, { recursive: true, force: true }).catch((error: unknown) => log.warn({ err: error }, "work folder not removed"));
  }
}

class Execution implements ActiveAttempt {
  readonly run: string;
  readonly sweep: string;
  readonly attempt: number;
  progress: ActiveAttempt["progress"] = { epoch: 0, epochs: 0, imagesPerSecond: null };
  readonly #parts: AttemptParts;
  readonly #claim: Claimed;
  readonly #folder: string;
  readonly #log: Logger;
  readonly #checkpoints: CheckpointTransfer;
  readonly #startedAtMs: number;
  #session: TrainingSession | null = null;
  #asked: "cancel" | "release" | "abandon" | null = null;

  constructor(parts: AttemptParts, claim: Claimed, attempt: number, folder: string, active: Map<string, ActiveAttempt>, log: Logger) {
    this.#parts = parts;
    this.#claim = claim;
    this.#folder = folder;
    this.#log = log;
    this.run = claim.run.id;
    this.sweep = claim.run.sweep;
    this.attempt = attempt;
    this.#startedAtMs = parts.now();
    this.#checkpoints = createCheckpointTransfer({
      store: parts.store,
      queue: parts.queue,
      address: claim.run,
      run: claim.run.id,
      attempt,
      keepLast: claim.sweep.spec.checkpoints.keepLast,
      resumedFrom: claim.run.checkpoint,
    });
    active.set(this.run, this);
  }

  stop(how: "cancel" | "release" | "abandon"): void {
    this.#asked = how;
    this.#session?.stop(how);
  }

  async execute(): Promise<void> {
    try {
      const start = await this.#prepare();
      if (this.#asked !== null)
        return await this.#end(this.#asked === "cancel" ? "cancelled" : "released", "RUN_LOST", "stopped before training began");
      this.#session = startSession({
        launch: this.#parts.launch,
        start,
        grace: this.#parts.grace,
        handle: (message) => this.#handle(message),
      });
      await this.#conclude(await this.#session.outcome, start.seed);
    } catch (thrown) {
      const error = SaphenaError.from(thrown);
      this.#log.error({ err: thrown }, "attempt failed");
      const lasting = !error.retryable && error.code !== "INTERNAL" && error.code !== "OBJECT_NOT_FOUND";
      await this.#end(lasting ? "userError" : "crashed", error.code, error.message);
    }
  }

  async #prepare(): Promise<TrainerStart> {
    const { sweep, parameters, run } = this.#claim;
    const config = applyParameters(sweep.spec, parameters);
    this.progress = { ...this.progress, epochs: config.train.epochs };
    await mkdir(this.#folder, { recursive: true });
    const { splits } = await this.#parts.data.load(sweep);
    const pack = await this.#parts.data.pack(sweep, config.model, (done, total) => this.#log.debug({ done, total }, "packing the dataset"));
    if (pack.built && pack.emptiedMasks.length > 0) {
      await this.#say(
        "warn",
        `${pack.emptiedMasks.length} masks lost all their foreground at ${config.model.inputSize} px: ${pack.emptiedMasks.slice(0, 5).join(", ")}`,
      );
    }
    const checkpoint = await fetchCheckpoint(this.#parts.store, run.checkpoint, this.#folder, (message) => void this.#say("warn", message));
    return {
      type: "start",
      run: run.id,
      attempt: this.attempt,
      seed: runSeed(config.train.seed, run.fold),
      model: config.model,
      train: config.train,
      heads: effectiveHeads(config.model.heads, sweep.dataset),
      labels: sweep.dataset.labels,
      maskClasses: sweep.dataset.maskClasses,
      fold: run.fold,
      split: foldAt(splits, run.fold),
      packFolder: pack.folder,
      outFolder: this.#folder,
      checkpoint,
      checkpointEvery: this.#parts.checkpointEvery,
      threads: sweep.spec.resources.threads,
    };
  }

  async #handle(message: FromTrainer): Promise<"ok" | "abandon"> {
    const { queue } = this.#parts;
    switch (message.type) {
      case "points":
        return (await queue.reportPoints(this.run, this.attempt, message.points)) === "stale-attempt" ? "abandon" : "ok";
      case "checkpoint":
        return (await this.#checkpoints.keep(message.epoch, message.file)) === "stale-attempt" ? "abandon" : "ok";
      case "progress":
        this.progress = { epoch: message.epoch, epochs: message.epochs, imagesPerSecond: message.imagesPerSecond };
        return "ok";
      case "log":
        await this.#say(message.level, message.message);
        return "ok";
      case "started":
        await this.#say(
          "info",
          `started at epoch ${message.firstEpoch} with ${message.parameterCount} parameters on ${message.fingerprint.engine} ${message.fingerprint.deviceKind}`,
        );
        return "ok";
      case "failed":
        await this.#say("error", `${message.code}: ${message.message}`);
        return "ok";
      case "ready":
      case "finished":
      case "stopped":
        return "ok";
    }
  }

  async #conclude(outcome: AttemptOutcome, seed: number): Promise<void> {
    switch (outcome.kind) {
      case "abandon":
        return this.#log.warn("another attempt has taken over");
      case "end":
        return this.#end(outcome.reason, outcome.code, outcome.message);
      case "commit":
        return this.#commit(outcome.finished, seed);
    }
  }

  async #commit(finished: Finished, seed: number): Promise<void> {
    const { store, queue, now, nonce } = this.#parts;
    const { sweep, parameters, run } = this.#claim;
    const facts = {
      sweep,
      parameters,
      run,
      attempt: this.attempt,
      seed,
      finished,
      startedAtMs: this.#startedAtMs,
      finishedAtMs: now(),
      nonce: nonce(),
    };
    const outcome = await commit(store, queue, facts);
    this.#log.info({ outcome, metrics: finished.metrics }, "commit");
    if (outcome === "committed") await this.#checkpoints.forgetAll();
    if (outcome === "cancelled") await this.#end("cancelled", "RUN_LOST", "cancelled before the commit");
    // The leader looks into the store before it decides about a parked run, and adopts what is there.
    if (outcome === "another-result") await this.#end("lost", "STALE_ATTEMPT", `another attempt's ${runKeys.result(run)} was there first`);
  }

  async #end(reason: AttemptEnd, code: string, message: string): Promise<void> {
    const reply = await this.#parts.queue.endAttempt(this.run, {
      attempt: this.attempt,
      reason,
      code,
      message,
      worker: this.#parts.worker,
    });
    this.#log.info({ reason, code, reply }, message);
  }

  async #say(level: "info" | "warn" | "error", message: string): Promise<void> {
    this.#log[level](message);
    await this.#parts.queue.appendLog(this.run, [
      `${new Date(this.#parts.now()).toISOString()} ${level} attempt ${this.attempt}: ${message}`,
    ]);
  }
}
