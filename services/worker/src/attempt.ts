// Executes one attempt of a run from its claim to its end: data, trainer, points, checkpoints, commit. Every outcome is told to
// the queue under the attempt's fence, so a worker that was thought dead can change nothing.
import { mkdirSync, rmdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { SaphenaError, applyParameters, runKeys } from "@saphena/contracts";
import type { AttemptEnd, FromTrainer, LaunchTrainer, LiveRun, Parameters, Slot, SweepRecord, TrainerStart } from "@saphena/contracts";
import { foldAt } from "@saphena/dataset";
import type { ObjectStore } from "@saphena/object-store";
import type { WorkerQueue } from "@saphena/queue";
import { effectiveHeads, runSeed } from "@saphena/sweep";
import type { Logger } from "pino";
import type { ActiveAttempt, ActiveAttempts, StopHow } from "./active-attempts.ts";
import type { AttemptOutcome, Finished } from "./attempt-outcome.ts";
import { createCheckpointTransfer, fetchCheckpoint } from "./checkpoint-transfer.ts";
import type { CheckpointTransfer } from "./checkpoint-transfer.ts";
import { commit, dropUploads } from "./commit.ts";
import { failureReason } from "./failure-reasons.ts";
import type { SlotTable } from "./slot-table.ts";
import type { SweepData } from "./sweep-data.ts";
import { startSession } from "./training-session.ts";
import type { TrainerLimitsMs, TrainingSession } from "./training-session.ts";

export interface AttemptParts {
  queue: WorkerQueue;
  store: ObjectStore;
  data: SweepData;
  launch: LaunchTrainer;
  slots: SlotTable;
  worker: string;
  workFolder: string;
  limits: TrainerLimitsMs;
  checkpointEvery: number;
  log: Logger;
  now: () => number;
  nonce: () => string;
}

interface Claimed {
  sweep: SweepRecord;
  parameters: Parameters;
  run: LiveRun;
}

/** Ends when the attempt has ended; never throws. */
export async function executeAttempt(parts: AttemptParts, run: string, attempt: number, active: ActiveAttempts): Promise<void> {
  const log = parts.log.child({ run, attempt });
  if (!active.begin(run, attempt)) return log.warn("delivered again while it runs here");
  const folder = join(parts.workFolder, `${run}-${attempt}`);
  try {
    const claim = await parts.queue.claim(run, attempt);
    if (claim.reply !== "claimed") return log.info({ reply: claim.reply }, "claim refused");
    const slot = parts.slots.take();
    try {
      const execution = new Execution(parts, claim, attempt, slot, folder, log);
      active.enter(execution);
      await execution.execute();
    } finally {
      parts.slots.giveBack(slot);
    }
  } catch (error) {
    log.error({ err: error }, "the attempt ended with an unexpected error");
  } finally {
    active.leave(run, attempt);
    await removeFolder(folder).catch((error: unknown) => log.warn({ err: error }, "work folder not removed"));
  }
}

/** One system call where it is empty, which costs far less than a look through the thread pool. */
async function removeFolder(folder: string): Promise<void> {
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") await rm(folder, { recursive: true, force: true });
  }
}

/** A stronger wish is never softened by a later one. */
const STRENGTH: Readonly<Record<StopHow, number>> = { release: 1, cancel: 2, abandon: 3 };

class Execution implements ActiveAttempt {
  readonly run: string;
  readonly sweep: string;
  readonly attempt: number;
  progress: ActiveAttempt["progress"] = { epoch: 0, epochs: 0, imagesPerSecond: null };
  readonly #parts: AttemptParts;
  readonly #claim: Claimed;
  readonly #slot: Slot;
  readonly #folder: string;
  readonly #log: Logger;
  readonly #checkpoints: CheckpointTransfer;
  readonly #startedAtMs: number;
  #session: TrainingSession | null = null;
  #asked: StopHow | null = null;
  #noteStop!: () => void;
  readonly #stopAsked = new Promise<void>((resolve) => (this.#noteStop = resolve));

  constructor(parts: AttemptParts, claim: Claimed, attempt: number, slot: Slot, folder: string, log: Logger) {
    this.#parts = parts;
    this.#claim = claim;
    this.#slot = slot;
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
  }

  stop(how: StopHow): void {
    if (this.#asked === null || STRENGTH[how] > STRENGTH[this.#asked]) this.#asked = how;
    this.#noteStop();
    this.#session?.stop(how);
  }

  async execute(): Promise<void> {
    try {
      mkdirSync(this.#folder, { recursive: true });
      const prepared = this.#prepare();
      // Packing a dataset can take longer than whoever asks for a stop will wait: it goes on for the next run, without this attempt.
      await Promise.race([prepared, this.#stopAsked]);
      if (this.#asked !== null) {
        prepared.catch((error: unknown) => this.#log.debug({ err: error }, "preparation failed after the stop"));
        return await this.#endBeforeTraining(this.#asked);
      }
      const start = await prepared;
      this.#session = startSession({
        launch: this.#parts.launch,
        slot: this.#slot,
        start,
        limits: this.#parts.limits,
        handle: (message) => this.#handle(message),
      });
      await this.#conclude(await this.#session.outcome, start.seed);
    } catch (thrown) {
      const error = SaphenaError.from(thrown);
      this.#log.error({ err: thrown }, "attempt failed");
      await this.#end(failureReason(error.code), error.code, error.message);
    }
  }

  async #prepare(): Promise<TrainerStart> {
    const { sweep, parameters, run } = this.#claim;
    const config = applyParameters(sweep.spec, parameters);
    this.progress = { ...this.progress, epochs: config.train.epochs };
    const { splits } = await this.#parts.data.load(sweep);
    const pack = await this.#parts.data.pack(sweep, config.model, (done, total) => this.#log.debug({ done, total }, "packing the dataset"));
    // After a stop the folder may be gone.
    const checkpoint =
      this.#asked !== null
        ? null
        : await fetchCheckpoint(this.#parts.store, run.checkpoint, this.#folder, (message) => void this.#say("warn", message));
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
      inputThreads: sweep.spec.resources.inputThreads,
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
          `started at epoch ${message.firstEpoch} with ${message.parameterCount} parameters on ${message.fingerprint.engine} ${message.fingerprint.deviceKind}, ${this.#parts.now() - this.#startedAtMs} ms after it was claimed`,
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
    if (outcome !== "committed") await this.#tidy(() => dropUploads(store, facts));
    // Whoever made the result, nobody goes on from a checkpoint any more.
    if (outcome === "committed" || outcome === "another-result") await this.#tidy(() => this.#checkpoints.forgetAll());
    if (outcome === "cancelled") await this.#end("cancelled", "RUN_LOST", "cancelled before the commit");
    // The leader looks into the store before it decides about a parked run, and adopts what is there.
    if (outcome === "another-result") await this.#end("lost", "STALE_ATTEMPT", `another attempt's ${runKeys.result(run)} was there first`);
  }

  async #endBeforeTraining(asked: StopHow): Promise<void> {
    if (asked === "abandon") return this.#log.warn("another attempt has taken over");
    await this.#end(asked === "cancel" ? "cancelled" : "released", "RUN_LOST", "stopped before training began");
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
    // These are final; after any other end the next attempt goes on from the checkpoint, and so it does when this one was stale.
    if (reply === "ok" && (reason === "cancelled" || reason === "userError")) await this.#tidy(() => this.#checkpoints.forgetAll());
  }

  /** What is left over costs room and nothing else: no reason to fail. */
  async #tidy(remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
    } catch (error) {
      this.#log.warn({ err: error }, "objects that nobody needs were not removed");
    }
  }

  async #say(level: "info" | "warn" | "error", message: string): Promise<void> {
    this.#log[level](message);
    await this.#parts.queue.appendLog(this.run, [
      `${new Date(this.#parts.now()).toISOString()} ${level} attempt ${this.attempt}: ${message}`,
    ]);
  }
}
