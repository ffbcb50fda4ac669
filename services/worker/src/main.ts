// Entry of the worker process. Stopping drains it: its runs write a checkpoint and go back to the queue.
import { randomBytes } from "node:crypto";
import { runService } from "@saphena/service";
import { workerConfig } from "./config.ts";
import { startWorkerService } from "./service.ts";
import { trainerLauncher } from "./trainer-process.ts";

await runService(() => {
  const config = workerConfig(randomBytes(3).toString("hex"));
  return startWorkerService(config, trainerLauncher(config.environment));
});
