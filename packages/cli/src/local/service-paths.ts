// Where the built services are: they run as child processes and are never imported, so they are found as files of the repository.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SaphenaError } from "@saphena/contracts";

/** This file is packages/cli/dist/local/service-paths.js (or src/…), three folders below packages. */
const REPOSITORY = new URL("../../../../", import.meta.url);

function built(path: string): string {
  const file = fileURLToPath(new URL(path, REPOSITORY));
  if (!existsSync(file)) throw new SaphenaError("SETUP_NOT_BUILT", `${path} is missing`);
  return file;
}

export const servicePaths = {
  aggregator: (): string => built("services/aggregator/dist/main.js"),
  scheduler: (): string => built("services/scheduler/dist/main.js"),
  worker: (): string => built("services/worker/dist/main.js"),
  trainer: (): string => built("services/worker/dist/trainer.js"),
  redisGuard: (): string => built("packages/cli/dist/local/redis-guard.js"),
} as const;
