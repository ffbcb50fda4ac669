// The trainer child: loads TensorFlow, trains the one run it is told to, and talks to its parent over IPC only. It ends with its
// run, and when its parent is gone. SIGTERM asks for a release; SIGINT is left to the parent, because Ctrl-C reaches both.
import { SaphenaError, fromTrainerSchema, toTrainerSchema } from "@saphena/contracts";
import type { FromTrainer, TrainerStart } from "@saphena/contracts";
import { openPack } from "@saphena/dataset";
import { loadEngine, train, trainingFailure } from "@saphena/training";
import type { StopSignal } from "@saphena/training";

const stop: StopSignal = { requested: null };
let begun = false;

/** Messages leave in the order they are sent in; resolves when this one has been handed over. */
function send(message: FromTrainer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(fromTrainerSchema.parse(message), undefined, undefined, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** The last word, then the end. A parent that cannot be told any more is gone: there is nobody left to work for. */
function end(message: FromTrainer): void {
  const code = message.type === "failed" ? 1 : 0;
  send(message).then(
    () => process.exit(code),
    () => process.exit(1),
  );
}

function fail(thrown: unknown): void {
  const { code, message } = trainingFailure(thrown);
  end({ type: "failed", code, message });
}

/** A cancel is never softened to a release. Before the start there is nothing to stop. */
function requestStop(how: "release" | "cancel"): void {
  if (stop.requested !== "cancel") stop.requested = how;
  if (!begun) end({ type: "stopped", how, epoch: 0 });
}

async function run(start: TrainerStart): Promise<void> {
  const pack = await openPack(start.packFolder);
  const engine = loadEngine({ threads: start.threads });
  const report = (message: FromTrainer): void => void send(message).catch(() => process.exit(1));
  end(await train({ engine, pack, start, report, stop }));
}

function receive(raw: unknown): void {
  const message = toTrainerSchema.parse(raw);
  if (message.type === "stop") return requestStop(message.how);
  if (begun) throw new SaphenaError("INTERNAL", "a trainer was told to start twice");
  begun = true;
  run(message).catch(fail);
}

if (process.send === undefined) throw new SaphenaError("INTERNAL", "the trainer is started by a worker or by `saphena train`");
process.on("uncaughtException", fail);
process.on("disconnect", () => process.exit(1));
process.on("SIGTERM", () => requestStop("release"));
process.on("SIGINT", () => undefined);
process.on("message", receive);
await send({ type: "ready" });
