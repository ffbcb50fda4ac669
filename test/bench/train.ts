// One training step of VENet, as training takes it: batches drawn in shuffled order from a packed dataset, mirrored and normalised,
// then forward, backward and update. The images are noise, which costs the same as photographs.
import { setImmediate } from "node:timers/promises";
import { allocateBatch, channelStatistics, createPack, epochOrder, fillBatch, trainingSlices, type Pack } from "@saphena/dataset";
import { createNetwork, loadEngine, type NetworkConfig } from "@saphena/venet";
import type { Benchmark, Figures } from "./benchmark.ts";

const GRADES = 4;
const WARM_UP_STEPS = 2; // the first step pays for memory and for choosing kernels

export const train: Benchmark = {
  summary: "train: median time of a training step of VENet, its memory, and the share of it spent waiting for input",
  options: { size: 128, base: 32, depth: 5, batch: 8, steps: 6, threads: 1 },
  run: runTrain,
};

async function runTrain(options: Readonly<Record<string, number>>): Promise<Figures> {
  const { size, base, depth, batch, steps, threads } = options as Record<"size" | "base" | "depth" | "batch" | "steps" | "threads", number>;
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
  const loss = { classWeight: 0.5, segmentationWeight: 1, deepSupervision: true };
  const optimizer = { type: "sgd", momentum: 0.99, nesterov: true, weightDecay: 3e-5 } as const;
  const network = createNetwork(engine, config, { loss, optimizer }, 1);

  const pack = noisePack(size, batch * (WARM_UP_STEPS + steps));
  const all = Int32Array.from(pack.ids.keys());
  const statistics = channelStatistics(pack, all);
  const target = allocateBatch(pack, batch);
  const stepMs: number[] = [];
  const inputMs: number[] = [];
  for (const indices of trainingSlices(epochOrder(1, 1, all), batch)) {
    await setImmediate(); // as training does, so that messages are served
    const began = performance.now();
    const filled = fillBatch(pack, indices, { seed: 1, epoch: 1, augment: "default", statistics }, target);
    const filledAt = performance.now();
    network.trainStep(filled, 0.01);
    stepMs.push(performance.now() - began);
    inputMs.push(filledAt - began);
  }
  const [measured, waited] = [stepMs.slice(WARM_UP_STEPS), inputMs.slice(WARM_UP_STEPS)];
  const medianStepMs = median(measured);
  return {
    medianStepMs: round(medianStepMs, 1),
    imagesPerSecond: round((1000 * batch) / medianStepMs, 2),
    rssMb: round(process.resourceUsage().maxRSS / 1024, 0), // the peak, not what is left
    inputWaitShare: round(sum(waited) / sum(measured), 4),
    parameters: network.parameterCount,
    engine: engine.fingerprint,
  };
}

/** A packed dataset of noise: every image with a grade and a half-filled mask. */
function noisePack(size: number, count: number): Pack {
  const pixels = size * size;
  let state = 1;
  const noise = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
  const ids = Array.from({ length: count }, (_, index) => `noise-${index}`);
  const description = {
    datasetHash: "",
    inputSize: size,
    resize: "stretch",
    labelNames: ["0", "1", "2", "3"],
    maskClasses: 2,
    ids,
    groups: ids,
    sources: ids.map(() => null),
    emptiedMasks: [],
  } as const;
  return createPack(description, {
    images: Uint8Array.from({ length: count * pixels * 3 }, noise),
    masks: Uint8Array.from({ length: count * pixels }, (_, index) => (index % size < size / 2 ? 1 : 0)),
    hasMask: new Uint8Array(count).fill(1),
    labels: Int32Array.from({ length: count }, (_, index) => index % GRADES),
    weights: new Float32Array(count).fill(1),
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const round = (value: number, digits: number): number => Number(value.toFixed(digits));

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}
