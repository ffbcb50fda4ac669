// Forks the trainer child. The parent never loads TensorFlow: a native crash or a blocked event loop must not cost the lease.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fromTrainerSchema } from "@saphena/contracts";
import type { LaunchTrainer } from "@saphena/contracts";

const STDERR_TAIL_CHARACTERS = 4000;

/** Variables the trainer may see: where to find programs, libraries and devices. Credentials stay out. */
const PASSED = /^(PATH|HOME|LANG|LC_.*|TMPDIR|TZ|LD_LIBRARY_PATH|CUDA_.*|NVIDIA_.*|TF_.*|SAPHENA_CACHE|XDG_CACHE_HOME)$/;

function trainerEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => PASSED.test(name)));
}

/** The built trainer beside this file: `dist/trainer.js`. */
const TRAINER = fileURLToPath(import.meta.resolve("@saphena/worker/trainer"));

export function trainerLauncher(environment: NodeJS.ProcessEnv): LaunchTrainer {
  return ({ workFolder }, events) => {
    const child = fork(TRAINER, [], {
      cwd: workFolder,
      env: trainerEnvironment(environment),
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
