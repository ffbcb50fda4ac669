// The trainer child. Its main thread talks to the parent over IPC and takes signals; a second thread loads TensorFlow and trains the
// one run it is told to. The child ends with its run, and when its parent is gone.
//
// It is ready once everything is loaded that depends on no run. Until it is told to start it has touched no device and takes no time,
// so a worker keeps one waiting for each slot (spare-trainers.ts).
//
// Two threads, because a signal must never be handled by the thread that computes: TensorFlow's matrix kernels (oneDNN's AVX ones)
// run with the stack pointer inside a heap buffer, and a signal frame pushed there overwrites what lies before it. Measured with
// 1,000 signals a second: the heap was corrupt within 10 s in two of three runs, and in none of three with a thread of its own.
import { once } from "node:events";
import { SHARE_ENV, Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { SaphenaError, fromTrainerSchema, toTrainerSchema } from "@saphena/contracts";
import type { FromTrainer, TrainerStart } from "@saphena/contracts";
import { trainingFailure } from "@saphena/training/failure";
import { watchTrainingThread } from "./training-thread.ts";

/** What the main thread hands to the training thread: shared memory, an index into STOPS. */
interface ThreadData {
  stop: Int32Array;
}
const STOPS = [null, "release", "cancel"] as const;

if (isMainThread) serveParent();
else await trainInThread(workerData as ThreadData);

async function trainInThread({ stop: requested }: ThreadData): Promise<void> {
  const port = parentPort!;
  const report = (message: FromTrainer): void => port.postMessage(message, []);
  // Loaded here and not above: the main thread needs none of it, and would double the price.
  const [{ openPack }, { loadEngine, preloadEngine, train }] = await Promise.all([import("@saphena/dataset"), import("@saphena/training")]);
  preloadEngine();
  const started = once(port, "message");
  report({ type: "ready" });
  const [start] = (await started) as [TrainerStart];
  const stop = {
    get requested() {
      return STOPS[Atomics.load(requested, 0)] ?? null;
    },
  };
  try {
    const pack = await openPack(start.packFolder);
    const engine = await loadEngine({ threads: start.threads });
    report(await train({ engine, pack, start, report, stop }));
  } catch (error) {
    report(failureMessage(error));
  }
}

function serveParent(): void {
  if (process.send === undefined) throw new SaphenaError("INTERNAL", "the trainer is started by a worker or by `saphena train`");
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  // The environment is shared because TensorFlow reads its settings from the process's own.
  const thread = new Worker(new URL(import.meta.url), { workerData: { stop } satisfies ThreadData, env: SHARE_ENV });
  let started = false;

  /** Messages leave in the order they are sent in; resolves when this one has been handed over. */
  const send = (message: FromTrainer): Promise<void> =>
    new Promise((resolve, reject) => {
      process.send!(fromTrainerSchema.parse(message), undefined, undefined, (error) => (error === null ? resolve() : reject(error)));
    });
  /** The last word, then the end. */
  const end = (message: FromTrainer): void => void send(message).then(() => process.exit(message.type === "failed" ? 1 : 0), abandon);
  /** A cancel is never softened to a release. Before the start there is nothing to stop. */
  const requestStop = (how: "release" | "cancel"): void => {
    if (STOPS[stop[0]!] !== "cancel") Atomics.store(stop, 0, STOPS.indexOf(how));
    if (!started) end({ type: "stopped", how, epoch: 0 });
  };
  const begin = (start: TrainerStart): void => {
    if (started) throw new SaphenaError("INTERNAL", "a trainer was told to start twice");
    started = true;
    thread.postMessage(start, []);
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
  watchTrainingThread(thread, { said: (message) => void send(message).catch(abandon), ended: end, failure: failureMessage });
  // It may have gone before anybody listened.
  if (!process.connected) abandon();
}

function failureMessage(thrown: unknown): FromTrainer {
  const { code, message } = trainingFailure(thrown);
  return { type: "failed", code, message };
}

/** A parent that cannot be told any more is gone: there is nobody left to work for. */
function abandon(): void {
  process.exit(1);
}
