// Entry of the worker process. Stopping drains it: its runs write a checkpoint and go back to the queue.
import { randomBytes } from "node:crypto";
import { SaphenaError, chooseEngine } from "@saphena/contracts";
import { runService } from "@saphena/service";
import { locateTensorflow } from "@saphena/setup";
import { workerConfig } from "./config.ts";
import { startWorkerService } from "./service.ts";
import type { TrainerSource } from "./service.ts";
import { createSpareTrainers } from "./spare-trainers.ts";
import { trainerFork } from "./trainer-process.ts";

await runService(() => {
  const config = workerConfig(randomBytes(3).toString("hex"));
  // A worker that cannot train would take run after run and fail each.
  const native = locateTensorflow();
  const engine = chooseEngine(config.engine, native);
  if (engine.engine === "none") throw new SaphenaError("ENGINE_MISSING", engine.missing);
  const usesGpus = engine.engine === "native" && !("missing" in native) && native.variant === "cuda";
  const fork = trainerFork(config.environment);
  const open: TrainerSource["open"] = (parts) => createSpareTrainers({ ...parts, slots: config.spareTrainers ? parts.slots : [], fork });
  return startWorkerService(config, { usesGpus, open });
});
