// The trainer child of `saphena train`: the same program that workers fork, told to do one run.
import { fork } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { SaphenaError, fromTrainerSchema, isErrorCode } from "@saphena/contracts";
import type { FromTrainer, ToTrainer, TrainerStart } from "@saphena/contracts";
import { trainerEnvironment } from "../environment.ts";
import { Interrupted } from "../failure.ts";
import { servicePaths } from "../local/service-paths.ts";
import { say } from "../terminal.ts";

export type Finished = Extract<FromTrainer, { type: "finished" }>;

/** The run's last message. Throws what the trainer failed with, TRAINER_CRASHED when it said nothing, Interrupted after Ctrl-C. */
export function runTrainer(start: TrainerStart, onMessage: (message: FromTrainer) => void): Promise<Finished> {
  const logPath = join(start.outFolder, "trainer.log");
  const log = createWriteStream(logPath, { flags: "a" });
  // A group of its own, so that Ctrl-C reaches it once, from us; it ends itself when we are gone.
  const child = fork(servicePaths.trainer(), [], {
    cwd: start.outFolder,
    env: trainerEnvironment(),
    execArgv: [],
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const send = (message: ToTrainer): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  let interrupts = 0;
  const onInterrupt = (): void => {
    interrupts++;
    if (interrupts === 1) say("stopping the trainer (once more to kill it)");
    if (interrupts === 1) send({ type: "stop", how: "cancel" });
    else child.kill("SIGKILL");
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onInterrupt);

  return new Promise<Finished>((resolve, reject) => {
    let last: FromTrainer | null = null;
    child.on("message", (raw) => {
      const message = fromTrainerSchema.safeParse(raw);
      if (!message.success) return log.write(`not a trainer message: ${message.error.message}\n`);
      last = message.data;
      if (last.type === "ready") send(start);
      onMessage(last);
    });
    child.once("error", reject);
    // `close` comes after the last message and the last output.
    child.once("close", (code, signal) => {
      log.end();
      for (const name of ["SIGINT", "SIGTERM"] as const) process.removeListener(name, onInterrupt);
      if (last?.type === "finished") resolve(last);
      else if (interrupts > 0) reject(new Interrupted());
      else if (last?.type === "failed") reject(failureOf(last.code, last.message));
      else
        reject(
          new SaphenaError("TRAINER_CRASHED", `${signal ?? `exit code ${code}`}; its output is in ${logPath}`, { hint: `see ${logPath}` }),
        );
    });
  });
}

function failureOf(code: string, message: string): SaphenaError {
  return isErrorCode(code) ? SaphenaError.fromBody({ code, message }) : new SaphenaError("INTERNAL", message);
}
