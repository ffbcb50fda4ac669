// One training step of VENet, as training takes it: batches in shuffled order from a packed dataset, with all of the default
// augmentation (or mirrored only: what peers do in comparisons), made by a thread beside it; then forward, backward and update.
import { setImmediate } from "node:timers/promises";
import { resolveAugmentation } from "@saphena/contracts";
import { channelStatistics, epochOrder, trainingSlices } from "@saphena/dataset";
import { openInput } from "@saphena/training/input";
import { createNetwork, loadEngine, type NetworkConfig } from "@saphena/venet";
import type { Benchmark, Figures } from "./benchmark.ts";
import { noisePack } from "./noise-pack.ts";
import { profiled } from "./profile.ts";
import { spread } from "./spread.ts";

const GRADES = 4;
const INPUT_THREADS = 1; // a sweep file's default
const WARM_UP_STEPS = 2; // the first step pays for memory and for choosing kernels

export const train: Benchmark = {
  summary: "train: median time of a training step of VENet, its memory, and the share of it spent waiting for input",
  options: { size: 128, base: 32, depth: 5, batch: 8, steps: 6, threads: 1 },
  flags: ["profile", "mirror", "bfloat16", "float16"],
  run: runTrain,
};

type Option = "size" | "base" | "depth" | "batch" | "steps" | "threads" | "profile" | "mirror" | "bfloat16" | "float16";

async function runTrain(options: Readonly<Record<string, number>>): Promise<Figures> {
  const { size, base, depth, batch, steps, threads, profile, mirror, bfloat16, float16 } = options as Record<Option, number>;
  const config: NetworkConfig = {
    heads: "both",
    depth,
    baseFilters: base,
    maxFilters: 480,
    inputSize: size,
    channels: 3,
    classes: GRADES,
    maskClasses: 2,
  };
  const engine = await loadEngine({ threads });
  const counted = profile === 1 ? profiled(engine) : null;
  const loss = { classWeight: 0.5, segmentationWeight: 1, deepSupervision: true };
  const optimizer = { type: "sgd", momentum: 0.99, nesterov: true, weightDecay: 3e-5 } as const;
  const precision = bfloat16 === 1 ? "bfloat16" : float16 === 1 ? "float16" : "float32";
  const network = createNetwork(counted?.engine ?? engine, config, { loss, optimizer, precision }, 1);

  const pack = noisePack(size, batch * (WARM_UP_STEPS + steps), GRADES);
  const all = Int32Array.from(pack.ids.keys());
  const statistics = channelStatistics(pack, all);
  const requests = trainingSlices(epochOrder(1, 1, all), batch).map((indices) => ({ indices, epoch: 1, repeats: null }));
  const augment = resolveAugmentation(mirror === 1 ? "mirror" : "default");
  const input = openInput({ source: pack, requests, batchSize: batch, threads: INPUT_THREADS, seed: 1, augment, statistics });
  const stepMs: number[] = [];
  const inputMs: number[] = [];
  for (const _ of requests) {
    if (stepMs.length === WARM_UP_STEPS) counted?.restart();
    await setImmediate(); // as training does, so that messages are served
    const began = performance.now();
    const filled = await input.next();
    const filledAt = performance.now();
    network.trainStep(filled, 0.01);
    stepMs.push(performance.now() - began);
    inputMs.push(filledAt - began);
  }
  await input.close();
  const [measured, waited] = [stepMs.slice(WARM_UP_STEPS), inputMs.slice(WARM_UP_STEPS)];
  const medianStepMs = spread(measured).median;
  return {
    medianStepMs: round(medianStepMs, 1),
    imagesPerSecond: round((1000 * batch) / medianStepMs, 2),
    rssMb: round(process.resourceUsage().maxRSS / 1024, 0), // the peak, not what is left
    inputWaitShare: round(sum(waited) / sum(measured), 4),
    parameters: network.parameterCount,
    precision,
    engine: engine.fingerprint,
    ...counted?.figures(steps, sum(measured) / steps),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const round = (value: number, digits: number): number => Number(value.toFixed(digits));
