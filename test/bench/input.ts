// What it costs to make batches: images a second that the input of a run delivers when nothing else is waited for, and the time of each
// part of the augmentation. What is left of it beside a training step is what `bench train` prints.
import { resolveAugmentation, type AugmentationSettings } from "@saphena/contracts";
import { allocateBatch, channelStatistics, createBatchFiller, type BatchRequest, type Pack } from "@saphena/dataset";
import { openInput } from "@saphena/training/input";
import type { Benchmark, Figures } from "./benchmark.ts";
import { noisePack } from "./noise-pack.ts";

/** Drawn from again and again, with another epoch each time. */
const MOST_PACKED = 64;
const WARM_UP_BATCHES = 8;

export const input: Benchmark = {
  summary: "input: images a second of the batches of a run, all augmentation on and mirroring only, and what each part costs",
  options: { size: 128, batch: 8, threads: 1, images: 512 },
  run: runInput,
};

async function runInput(options: Readonly<Record<string, number>>): Promise<Figures> {
  const { size, batch, threads, images } = options as Record<"size" | "batch" | "threads" | "images", number>;
  const pack = noisePack(size, Math.max(batch, Math.min(images, MOST_PACKED)), 4);
  const [all, mirror] = [resolveAugmentation("default"), resolveAugmentation("mirror")];
  const parts = Object.keys(all).map((name) => [name, microsecondsAnImage(pack, onlyPart(name), images)] as const);
  const plainUs = microsecondsAnImage(pack, resolveAugmentation("none"), images);
  return {
    allImagesPerSecond: round(await imagesPerSecond(pack, all, { batch, threads, images })),
    mirrorImagesPerSecond: round(await imagesPerSecond(pack, mirror, { batch, threads, images })),
    cpuUsPerImage: {
      all: round(microsecondsAnImage(pack, all, images)),
      mirror: round(microsecondsAnImage(pack, mirror, images)),
      none: round(plainUs),
    },
    // Each by itself, whenever it happens, on top of copying and normalising.
    addedCpuUsPerImage: Object.fromEntries(parts.map(([name, us]) => [name, round(Math.max(0, us - plainUs))])),
    threads,
    size,
    batch,
  };
}

/** This part alone, for every image. */
function onlyPart(name: string): AugmentationSettings {
  const none = resolveAugmentation("none");
  const part = { ...none[name as keyof AugmentationSettings], enabled: true, probability: 1 };
  // Of the two forms of gamma one: each costs the same.
  return { ...none, [name]: "invertedProbability" in part ? { ...part, invertedProbability: 0 } : part };
}

function* requestsFor({ ids }: Pack, batch: number, count: number): Generator<BatchRequest> {
  for (let number = 0; number < count; number++) {
    const indices = Int32Array.from({ length: batch }, (_, place) => (number * batch + place) % ids.length);
    yield { indices, epoch: 1 + Math.floor((number * batch) / ids.length), repeats: null };
  }
}

/** By the clock, as the training thread meets them. */
async function imagesPerSecond(
  pack: Pack,
  augment: AugmentationSettings,
  { batch, threads, images }: Record<"batch" | "threads" | "images", number>,
): Promise<number> {
  const count = Math.ceil(images / batch);
  const requests = requestsFor(pack, batch, WARM_UP_BATCHES + count);
  const statistics = channelStatistics(pack, Int32Array.from(pack.ids.keys()));
  const opened = openInput({ source: pack, requests, batchSize: batch, threads, seed: 1, augment, statistics });
  try {
    for (let i = 0; i < WARM_UP_BATCHES; i++) await opened.next();
    const began = performance.now();
    for (let i = 0; i < count; i++) await opened.next();
    return (1000 * count * batch) / (performance.now() - began);
  } finally {
    await opened.close();
  }
}

/** Processor time, on this thread: what else runs on the machine does not count. */
function microsecondsAnImage(pack: Pack, augment: AugmentationSettings, images: number): number {
  const statistics = channelStatistics(pack, Int32Array.from(pack.ids.keys()));
  const fill = createBatchFiller(pack, { seed: 1, augment, statistics });
  const target = allocateBatch(pack, pack.ids.length);
  const epochs = Math.ceil(images / pack.ids.length);
  const requests = [...requestsFor(pack, pack.ids.length, 1 + epochs)];
  fill(requests[0]!, target);
  const before = process.cpuUsage();
  for (const request of requests.slice(1)) fill(request, target);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (epochs * pack.ids.length);
}

const round = (value: number): number => Number(value.toFixed(1));
