// Entry of the worker process. Stopping drains it: its runs write a checkpoint and go back to the queue.
import { randomBytes } from "node:crypto";
import { SaphenaError } from "@saphena/contracts";
import { runService } from "@saphena/service";
import { locateTensorflow } from "@saphena/setup";
import { workerConfig } from "./config.ts";
import { startWorkerService } from "./service.ts";
import { trainerLauncher } from "./trainer-process.ts";

await runService(() => {
  const config = workerConfig(randomBytes(3).toString("hex"));
  // A worker that cannot train would take run after run and fail each.
  const engine = locateTensorflow();
  if ("missing" in engine) throw new SaphenaError("ENGINE_MISSING", engine.missing);
  return startWorkerService(config, trainerLauncher(config.environment));
});
