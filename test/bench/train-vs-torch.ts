// `bench train-vs-torch`: our training step and PyTorch's on the same machine in turn, A B A B …, so that a machine that slows down or
// warms up meets both. PyTorch runs in the faster of its two memory layouts, which is measured first. Needs the peers' environment.
import { loadavg } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../system/repository.ts";
import type { Benchmark, Figures } from "./benchmark.ts";
import { runForJson } from "./child.ts";
import { PEERS, requirePeersPython } from "./peers/venv.ts";
import { figuresOf, spread } from "./spread.ts";

type Options = Record<"size" | "base" | "depth" | "batch" | "steps" | "threads" | "pairs" | "processes" | "keras" | "compile", number>;

/** What the processes of one side gave together, side by side. */
interface Side {
  imagesPerSecond: number;
  medianStepMs: number;
  /** Peak memory, added up; without CUDA libraries that were loaded for nothing. */
  rssMb: number;
  parameters: number;
  first: Record<string, unknown>;
}

export const trainVsTorch: Benchmark = {
  summary:
    "train-vs-torch: images a second and peak memory of our training step against PyTorch's, in turn; processes run side by side; keras, compile: 1 = these peers too",
  options: { size: 128, base: 32, depth: 5, batch: 8, steps: 6, threads: 1, pairs: 3, processes: 1, keras: 0, compile: 0 },
  run: (options) => compare(options as Options),
};

async function compare(options: Options): Promise<Figures> {
  const python = requirePeersPython();
  const torch = (mode: string): Promise<Side> => side(python, [join(PEERS, "train_torch.py"), "--mode", mode], options);
  const ours = (): Promise<Side> =>
    side(process.execPath, [join(REPOSITORY, "test/dist/bench/bench.js"), "train", "--mirror", "--json"], options);

  const { layout, layoutsImagesPerSecond } = await fasterLayout(torch);
  const others = await otherPeers(options, python, torch);
  const pairs: { ours: Side; torch: Side }[] = [];
  for (let pair = 1; pair <= options.pairs; pair++) {
    const a = await told(`pair ${pair} of ${options.pairs}: ours`, ours());
    const b = await told(`pair ${pair} of ${options.pairs}: PyTorch ${layout}`, torch(layout));
    if (a.parameters !== b.parameters) throw new Error(`ours has ${a.parameters} parameters, PyTorch's ${b.parameters}`);
    pairs.push({ ours: a, torch: b });
  }
  const rates = (of: "ours" | "torch"): number[] => pairs.map((pair) => pair[of].imagesPerSecond);
  const peaks = (of: "ours" | "torch"): number[] => pairs.map((pair) => pair[of].rssMb);
  return {
    ratio: spread(pairs.map((pair) => pair.ours.imagesPerSecond / pair.torch.imagesPerSecond)),
    ours: { imagesPerSecond: spread(rates("ours")), rssMb: spread(peaks("ours")), engine: pairs[0]?.ours.first["engine"] },
    torch: {
      imagesPerSecond: spread(rates("torch")),
      rssMb: spread(peaks("torch")),
      rssAfterImportMb: pairs[0]?.torch.first["rssAfterImportMb"],
      cudaLibrariesMb: pairs[0]?.torch.first["cudaLibrariesMb"],
      version: pairs[0]?.torch.first["version"],
      layout,
      layoutsImagesPerSecond,
    },
    memoryRatio: spread(pairs.map((pair) => pair.ours.rssMb / pair.torch.rssMb)),
    ...others,
    parameters: pairs[0]?.ours.parameters,
    options,
    loadAverage: figuresOf(loadavg()[0] as number), // of the last minute: above what we use, somebody else computed too
  };
}

/** The layout of PyTorch's better run, of two each in turn. */
async function fasterLayout(torch: (mode: string) => Promise<Side>): Promise<{ layout: string; layoutsImagesPerSecond: Figures }> {
  const best: Record<string, number> = { "channels-last": 0, nchw: 0 };
  for (const mode of ["channels-last", "nchw", "channels-last", "nchw"]) {
    const { imagesPerSecond } = await told(`PyTorch ${mode}`, torch(mode));
    best[mode] = Math.max(best[mode] as number, imagesPerSecond);
  }
  const layout = (best["channels-last"] as number) >= (best["nchw"] as number) ? "channels-last" : "nchw";
  return { layout, layoutsImagesPerSecond: best };
}

/** The peers that were asked for, once each. */
async function otherPeers(options: Options, python: string, torch: (mode: string) => Promise<Side>): Promise<Figures> {
  const rate = ({ imagesPerSecond, rssMb }: Side): Figures => ({ imagesPerSecond, rssMb });
  const keras = (mode: string): Promise<Side> => side(python, [join(PEERS, "train_keras.py"), "--mode", mode], options);
  return {
    ...(options.compile > 0 ? { torchCompile: rate(await told("PyTorch compiled", torch("compile"))) } : {}),
    ...(options.keras > 0
      ? { kerasGraph: rate(await told("Keras graph", keras("graph"))), kerasXla: rate(await told("Keras XLA", keras("xla"))) }
      : {}),
  };
}

/** Runs the processes of one side at the same time. */
async function side(program: string, args: readonly string[], options: Options): Promise<Side> {
  const own = (["size", "base", "depth", "batch", "steps", "threads"] as const).flatMap((key) => [`--${key}`, String(options[key])]);
  const line = (seconds: number): void => console.error(`  … ${seconds} s`);
  const results = await Promise.all(Array.from({ length: options.processes }, () => runForJson(program, [...args, ...own], { line })));
  const total = (key: string): number => results.reduce((sum, result) => sum + numberOf(result, key), 0);
  const first = results[0] as Record<string, unknown>;
  return {
    imagesPerSecond: figuresOf(total("imagesPerSecond")),
    medianStepMs: figuresOf(total("medianStepMs") / results.length),
    rssMb: total("rssMb") - ("cudaLibrariesMb" in first ? total("cudaLibrariesMb") : 0),
    parameters: numberOf(first, "parameters"),
    first,
  };
}

function numberOf(result: Record<string, unknown>, key: string): number {
  const value = result[key];
  if (typeof value !== "number") throw new Error(`a benchmark printed no ${key}: ${JSON.stringify(result)}`);
  return value;
}

async function told(what: string, measuring: Promise<Side>): Promise<Side> {
  const measured = await measuring;
  console.error(`${what}: ${measured.imagesPerSecond} images/s, step ${measured.medianStepMs} ms, peak ${measured.rssMb} MB`);
  return measured;
}
