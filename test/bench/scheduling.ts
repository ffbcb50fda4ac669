// `bench scheduling`: trials per second through the whole system when training costs nothing. Real: Redis with AOF, scheduler,
// aggregator, worker processes, one durable result.json a run in a file:// store. Not real: the trainer, which reports 3 points.
import { join } from "node:path";
import { defineSweep } from "@saphena/client";
import { makeTinyDataset, temporaryFolder, until } from "@saphena/testing";
import { REPOSITORY } from "../system/repository.ts";
import { saphenaDone } from "../system/saphena.ts";
import { startSystem } from "../system/system.ts";
import type { Benchmark } from "./benchmark.ts";

export const scheduling: Benchmark = {
  summary: "trials per second through the whole system with a trainer that trains nothing",
  options: { trials: 1000, folds: 1, workers: 2, slots: 16 },
  async run({ trials = 1000, folds = 1, workers = 2, slots = 16 }) {
    const system = await startSystem({
      workers,
      slots,
      workerEntry: join(REPOSITORY, "test/dist/bench/no-op-worker.js"),
      env: { SAPHENA_LOG_LEVEL: "warn" },
    });
    try {
      const folder = await temporaryFolder("tiny");
      const { manifest } = await makeTinyDataset(folder, { images: 40, groups: 20, size: 16 });
      await saphenaDone(["dataset", "import", manifest, "--name", "tiny"], { env: system.env });
      await until(async () => (await system.client.pools()).some((pool) => pool.slots >= workers * slots), { what: "the workers" });
      const file = defineSweep({
        name: "scheduling",
        dataset: "tiny",
        model: { depth: 2, baseFilters: 2, inputSize: 16 },
        train: { epochs: 3 },
        parameters: { "train.optimizer.learningRate": { type: "float", min: 1e-4, max: 1e-1, log: true } },
        cv: { folds },
        budget: { trials },
        resources: { concurrency: 1000 },
      });
      const startedMs = performance.now();
      const sweep = await system.client.submit(file);
      const status = await sweep.wait({ pollMs: 50 });
      const seconds = (performance.now() - startedMs) / 1000;
      if (status.state !== "completed" || status.trials.completed !== trials)
        throw new Error(`the sweep ended as ${JSON.stringify(status)}`);
      const table = await sweep.trials();
      const seen = table.filter((trial) => trial.state === "completed" && trial.folds.every((fold) => fold.state === "completed")).length;
      if (seen !== trials) throw new Error(`the leaderboard has ${seen} of ${trials} trials`);
      return {
        trialsPerSecond: round(trials / seconds),
        runsPerSecond: round((trials * folds) / seconds),
        seconds: round(seconds),
        trials,
        folds,
        workers,
        slots,
      };
    } finally {
      await system.stop();
    }
  },
};

function round(value: number): number {
  return Number(value.toPrecision(4));
}
