// `bench start`: how long a run waits from its claim to its first training step, with a spare trainer at hand (warm) and without (cold).
// Everything is real: Redis, scheduler, a worker of one slot, TensorFlow. The dataset is packed already, as it is for all runs of a
// sweep but the first, which is left out.
import { defineSweep } from "@saphena/client";
import { DEFAULT_NAMESPACE, runId } from "@saphena/contracts";
import { connectLiveState } from "@saphena/queue";
import { importTiny, TINY_SWEEP } from "../system/leaderboard.ts";
import { startSystem } from "../system/system.ts";
import type { Benchmark } from "./benchmark.ts";
import { spread } from "./spread.ts";

export const start: Benchmark = {
  summary: "start: milliseconds from the claim of a run to its first training step, with and without a spare trainer",
  options: { runs: 7 },
  async run({ runs = 7 }) {
    const cold = await startTimesMs("0", runs);
    const warm = await startTimesMs("1", runs);
    const spreads = { warmMs: spread(warm), coldMs: spread(cold) };
    return { warmStartMs: spreads.warmMs.median, coldStartMs: spreads.coldMs.median, runs, ...spreads };
  },
};

async function startTimesMs(spareTrainers: "0" | "1", runs: number): Promise<number[]> {
  const system = await startSystem({ workers: 1, slots: 1, env: { SAPHENA_SPARE_TRAINERS: spareTrainers, SAPHENA_LOG_LEVEL: "warn" } });
  try {
    await importTiny(system.env);
    // Each run lasts longer than a spare takes to load on the other core.
    const sweep = await system.client.submit(defineSweep({ ...TINY_SWEEP, cv: { folds: 1 }, budget: { trials: runs + 1 } }));
    const { state } = await sweep.wait({ pollMs: 200 });
    if (state !== "completed") throw new Error(`the sweep ended as ${state}`);
    // What the worker wrote of a run is in the live state; the log that is kept is the trainer's.
    const live = await connectLiveState({ redisUrl: system.redis.url, namespace: DEFAULT_NAMESPACE });
    const logs = await Promise.all(
      Array.from({ length: runs }, (_, at) => live.logTail(runId({ sweep: sweep.id, trial: at + 1, fold: 0 }))),
    );
    await live.close();
    return logs.map(startTimeMs);
  } finally {
    await system.stop();
  }
}

function startTimeMs(lines: readonly string[]): number {
  const [, ms] = /, (\d+) ms after it was claimed/.exec(lines.join("\n")) ?? [];
  if (ms === undefined) throw new Error(`a log does not tell when its run started:\n${lines.join("\n")}`);
  return Number(ms);
}
