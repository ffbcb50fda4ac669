// The trainer child. Its main thread talks to the parent over IPC and takes signals; a second thread loads TensorFlow and trains the
// one run it is told to. The child ends with its run, and when its parent is gone.
//
// Two threads, because a signal must never be handled by the thread that computes: TensorFlow's matrix kernels (oneDNN's AVX ones)
// run with the stack pointer inside a heap buffer, and a signal frame pushed there overwrites what lies before it. Measured with
// 1,000 signals a second: the heap was corrupt within 10 s in two of three runs, and in none of three with a thread of its own.
import { constants } from "node:os";
import { join } from "node:path";
import { SHARE_ENV, Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { SaphenaError, fromTrainerSchema, toTrainerSchema } from "@saphena/contracts";
import type { FromTrainer, TrainerStart } from "@saphena/contracts";
import { openPack } from "@saphena/dataset";
import { locateTensorflow } from "@saphena/setup";
import { loadEngine, train, trainingFailure } from "@saphena/training";
import type { StopSignal } from "@saphena/training";
import { watchTrainingThread } from "./training-thread.ts";

/** What the main thread hands to the training thread. `stop[0]` is shared memory: an index into STOPS. */
interface ThreadData {
  start: TrainerStart;
  stop: Int32Array;
}
/** Linux: keep what is opened in memory until the process ends. */
const RTLD_NODELETE = 0x1000;
const STOPS = [null, "release", "cancel"] as const;

if (isMainThread) await serveParent();
else await trainInThread(workerData as ThreadData);

async function trainInThread({ start, stop: requested }: ThreadData): Promise<void> {
  const port = parentPort!;
  const report = (message: FromTrainer): void => port.postMessage(message, []);
  const stop: StopSignal = {
    get requested() {
      return STOPS[Atomics.load(requested, 0)] ?? null;
    },
  };
  try {
    const pack = await openPack(start.packFolder);
    const engine = await loadEngine({ threads: start.threads });
    keepTensorflowLoaded();
    report(await train({ engine, pack, start, report, stop }));
  } catch (error) {
    report(failureMessage(error));
  }
}

/**
 * Node unloads the libraries of a thread when it ends, but TensorFlow has registered functions to be called when the process does:
 * without this the exit is a crash. Opening a library again with RTLD_NODELETE, which Node's constants leave out, makes it stay.
 */
function keepTensorflowLoaded(): void {
  const facts = locateTensorflow();
  if ("missing" in facts || process.platform !== "linux") return;
  for (const name of ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"]) {
    try {
      process.dlopen({ exports: {} }, join(facts.libraryFolder, name), constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
    } catch (error) {
      // Node opens it, finds that it is no addon, and says so.
      if ((error as NodeJS.ErrnoException).code !== "ERR_DLOPEN_FAILED") throw error;
    }
  }
}
function failureMessage(thrown: unknown): FromTrainer {
  const { code, message } = trainingFailure(thrown);
  return { type: "failed", code, message };
}

async function serveParent(): Promise<void> {
  if (process.send === undefined) throw new SaphenaError("INTERNAL", "the trainer is started by a worker or by `saphena train`");
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  let thread: Worker | null = null;

  /** A cancel is never softened to a release. Before the start there is nothing to stop. */
  const requestStop = (how: "release" | "cancel"): void => {
    if (STOPS[stop[0]!] !== "cancel") Atomics.store(stop, 0, STOPS.indexOf(how));
    if (thread === null) end({ type: "stopped", how, epoch: 0 });
  };
  const begin = (start: TrainerStart): void => {
    if (thread !== null) throw new SaphenaError("INTERNAL", "a trainer was told to start twice");
    // The environment is shared because TensorFlow reads its settings from the process's own.
    thread = new Worker(new URL(import.meta.url), { workerData: { start, stop } satisfies ThreadData, env: SHARE_ENV });
    watchTrainingThread(thread, { said: (message) => void send(message).catch(abandon), ended: end, failure: failureMessage });
  };

  process.on("uncaughtException", (error) => end(failureMessage(error)));
  process.on("disconnect", abandon);
  process.on("SIGTERM", () => requestStop("release"));
  process.on("SIGINT", () => undefined); // left to the parent, because Ctrl-C reaches both
  process.on("message", (raw) => {
    const message = toTrainerSchema.parse(raw);
    if (message.type === "stop") requestStop(message.how);
    else begin(message);
  });
  await send({ type: "ready" });
}

/** Messages leave in the order they are sent in; resolves when this one has been handed over. */
function send(message: FromTrainer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(fromTrainerSchema.parse(message), undefined, undefined, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** The last word, then the end. */
function end(message: FromTrainer): void {
  send(message).then(() => process.exit(message.type === "failed" ? 1 : 0), abandon);
}

/** A parent that cannot be told any more is gone: there is nobody left to work for. */
function abandon(): void {
  process.exit(1);
}
