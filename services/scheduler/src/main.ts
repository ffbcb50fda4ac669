// Entry of the scheduler process; it ends on SIGTERM, SIGINT, and when the process that started it is gone.
import { SaphenaError } from "@saphena/contracts";
import { schedulerOptions } from "./config.ts";
import { startScheduler } from "./scheduler.ts";

const PARENT_LOOK_MS = 1000;

function fail(thrown: unknown): never {
  const { code, message, hint } = SaphenaError.from(thrown).toBody();
  process.stderr.write(`error: ${code}: ${message}\n\nhint: ${hint}\n`);
  process.exit(SaphenaError.from(thrown).exitCode);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

try {
  const options = schedulerOptions(process.env);
  const scheduler = await startScheduler(options);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    scheduler.close().then(() => process.exit(0), fail);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, stop);
  process.on("disconnect", stop);
  const { parentPid } = options;
  if (parentPid !== null) setInterval(() => !isAlive(parentPid) && stop(), PARENT_LOOK_MS).unref();
  process.send?.({ type: "ready", url: scheduler.url });
} catch (error) {
  fail(error);
}
