// Forks the trainer child. The parent never loads TensorFlow: a native crash or a blocked event loop must not cost the lease.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { environmentForTrainer, fromTrainerSchema } from "@saphena/contracts";
import type { Slot, Trainer, TrainerEvents } from "@saphena/contracts";

const STDERR_TAIL_CHARACTERS = 4000;

/** Of its devices the trainer sees its slot's, and from a CPU slot none. */
export function trainerEnvironment(environment: NodeJS.ProcessEnv, { device }: Slot): NodeJS.ProcessEnv {
  return { ...environmentForTrainer(environment), CUDA_VISIBLE_DEVICES: device.kind === "gpu" ? device.uuid : "" };
}

/** The built trainer beside this file: `dist/trainer.js`. */
const TRAINER = fileURLToPath(import.meta.resolve("@saphena/worker/trainer"));

export type ForkTrainer = (slot: Slot, folder: string, events: TrainerEvents) => Trainer;

/** A trainer whose environment is fixed from here on. `folder`: where it stands, for what native code may drop there. */
export function trainerFork(environment: NodeJS.ProcessEnv): ForkTrainer {
  return (slot, folder, events) => {
    const child = fork(TRAINER, [], {
      cwd: folder,
      env: trainerEnvironment(environment, slot),
      execArgv: [],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    let tail = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => (tail = (tail + text).slice(-STDERR_TAIL_CHARACTERS)));
    }
    child.on("message", (raw) => {
      const message = fromTrainerSchema.safeParse(raw);
      if (message.success) events.message(message.data);
      else tail += `\nnot a trainer message: ${message.error.message}`;
    });
    // The channel closes after its last message was read, which may be after the exit: both must have happened.
    let exit: { code: number | null; signal: string | null } | null = null;
    let closed = false;
    let told = false;
    const tell = (): void => {
      if (exit === null || !closed || told) return;
      told = true;
      events.exit({ ...exit, stderrTail: tail });
    };
    child.on("disconnect", () => {
      closed = true;
      tell();
    });
    child.on("exit", (code, signal) => {
      exit = { code, signal };
      if (!child.connected) closed = true;
      tell();
    });
    child.on("error", (error) => {
      tail += `\n${error.message}`;
      exit ??= { code: null, signal: null };
      closed = true;
      tell();
    });
    return {
      send: (message) => {
        if (child.connected) child.send(message, () => undefined);
      },
      kill: (signal) => void child.kill(signal),
    };
  };
}
