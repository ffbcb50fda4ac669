// Entry of the worker process. SIGTERM and SIGINT drain it; it drains and ends as well when the process that started it is gone.
import { randomBytes } from "node:crypto";
import { SaphenaError } from "@saphena/contracts";
import { workerConfig } from "./config.ts";
import { startWorkerService } from "./service.ts";
import { trainerLauncher } from "./trainer-process.ts";

try {
  const config = workerConfig(randomBytes(3).toString("hex"));
  const service = await startWorkerService(config, trainerLauncher(config.environment));
  const stop = (): void => {
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, stop);
  process.on("disconnect", stop);
  process.send?.({ type: "ready" });
} catch (error) {
  fail(error);
}

function fail(thrown: unknown): never {
  const { code, message, hint } = SaphenaError.from(thrown).toBody();
  process.stderr.write(`error: ${code}: ${message}\n\nhint: ${hint}\n`);
  process.exit(1);
}
