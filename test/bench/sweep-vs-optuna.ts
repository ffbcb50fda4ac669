// `bench sweep-vs-optuna`: the wall clock of a whole sweep, ours from submit to final against an Optuna and PyTorch script from its start
// to its end, in turn. Both decode the images anew each time, train the same two configurations on grouped folds and score every epoch.
// Ours: Redis, scheduler, aggregator and workers as in production, started beforehand; the import, which the script has not, is told apart.
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { defineSweep } from "@saphena/client";
import type { SweepFile, TrialRow } from "@saphena/contracts";
import { cacheFolder } from "@saphena/setup";
import { makeTinyDataset, temporaryFolder, until } from "@saphena/testing";
import { saphenaDone } from "../system/saphena.ts";
import { startSystem } from "../system/system.ts";
import type { System } from "../system/system.ts";
import type { Benchmark, Figures } from "./benchmark.ts";
import { runForJson } from "./child.ts";
import { PEERS, requirePeersPython } from "./peers/venv.ts";
import { figuresOf, spread } from "./spread.ts";
import { timesOf } from "./sweep-times.ts";

const LEARNING_RATES = [0.01, 0.03];
const LABELS = ["c0", "c1", "c2", "c3"];

type Options = Record<
  "images" | "side" | "size" | "base" | "depth" | "batch" | "epochs" | "folds" | "workers" | "slots" | "threads" | "pairs",
  number
>;

/** One sweep of one side. */
interface Swept {
  seconds: number;
  dice: number;
  accuracy: number;
  /** Where the time went; the keys differ between the sides. */
  times: Figures;
}

export const sweepVsOptuna: Benchmark = {
  summary: "sweep-vs-optuna: wall clock of a sweep of two trials, ours from submit to final against an Optuna and PyTorch script, in turn",
  options: {
    images: 1500,
    side: 256,
    size: 64,
    base: 8,
    depth: 4,
    batch: 8,
    epochs: 3,
    folds: 3,
    workers: 2,
    slots: 1,
    threads: 1,
    pairs: 2,
  },
  run: (options) => compare(options as Options),
};

async function compare(options: Options): Promise<Figures> {
  const python = requirePeersPython();
  const manifest = await discs(options);
  const cache = await temporaryFolder("cache");
  // Without a log of every request, as in production; the cache is our own, so that it can be emptied.
  const system = await startSystem({
    workers: options.workers,
    slots: options.slots,
    env: { SAPHENA_CACHE: cache, SAPHENA_LOG_LEVEL: "warn" },
  });
  try {
    const beganMs = performance.now();
    await saphenaDone(["dataset", "import", manifest, "--name", "discs"], { env: system.env });
    const importSeconds = secondsSince(beganMs);
    console.error(`imported ${options.images} images in ${figuresOf(importSeconds)} s`);
    await until(async () => (await system.client.pools()).some((pool) => pool.slots >= options.workers * options.slots), {
      what: "the workers",
    });

    const pairs: { ours: Swept; optuna: Swept }[] = [];
    for (let pair = 1; pair <= options.pairs; pair++) {
      await rm(join(cache, "datasets"), { recursive: true, force: true });
      const ours = told(`pair ${pair} of ${options.pairs}: ours`, await sweepOurs(system, options));
      const optuna = told(`pair ${pair} of ${options.pairs}: Optuna`, await sweepOptuna(python, manifest, options));
      pairs.push({ ours, optuna });
    }
    return {
      ratio: spread(pairs.map(({ ours, optuna }) => ours.seconds / optuna.seconds)),
      ours: { ...summary(pairs.map(({ ours }) => ours)), importSeconds: figuresOf(importSeconds) },
      optuna: summary(pairs.map(({ optuna }) => optuna)),
      options,
      loadAverage: figuresOf(loadavg()[0] as number),
    };
  } finally {
    await system.stop();
  }
}

function summary(sweeps: readonly Swept[]): Figures {
  const last = sweeps.at(-1) as Swept;
  return {
    seconds: spread(sweeps.map(({ seconds }) => seconds)),
    dice: last.dice,
    accuracy: last.accuracy,
    times: sweeps.map(({ times }) => times),
  };
}

/** From submit until the sweep is final and its leaderboard complete. */
async function sweepOurs({ client, storeUrl }: System, options: Options): Promise<Swept> {
  const submittedAtMs = Date.now();
  const sweep = await client.submit(sweepFile(options));
  const stopTicking = tick("ours");
  const status = await sweep.wait({ pollMs: 50 }).finally(stopTicking);
  const trials = await until(async () => complete(await sweep.trials(), options), { what: "the leaderboard" });
  const finalAtMs = Date.now();
  if (status.state !== "completed") throw new Error(`the sweep ended as ${JSON.stringify(status)}`);
  const lanes = options.workers * options.slots;
  return {
    seconds: (finalAtMs - submittedAtMs) / 1000,
    dice: mean(trials.map(({ metrics }) => metrics["dice"] as number)),
    accuracy: mean(trials.map(({ metrics }) => metrics["accuracy"] as number)),
    times: await timesOf(storeUrl, sweep.id, trials, { submittedAtMs, finalAtMs, lanes }),
  };
}

function sweepFile({ size, base, depth, batch, epochs, folds, threads }: Options): SweepFile {
  return defineSweep({
    name: "discs",
    dataset: "discs",
    model: { depth, baseFilters: base, inputSize: size },
    train: { epochs, batchSize: batch, augment: "mirror" },
    parameters: { "train.optimizer.learningRate": { type: "categorical", values: LEARNING_RATES } },
    sampler: { type: "grid" },
    cv: { folds },
    budget: { trials: LEARNING_RATES.length },
    resources: { threads },
  });
}

/** The rows when every fold of every trial is in them, else null. */
function complete(trials: TrialRow[], { folds }: Options): TrialRow[] | null {
  const done = trials.filter(
    (trial) => trial.state === "completed" && trial.folds.filter(({ state }) => state === "completed").length === folds,
  );
  return done.length === LEARNING_RATES.length ? trials : null;
}

/** From the start of the script to its end. */
async function sweepOptuna(python: string, manifest: string, options: Options): Promise<Swept> {
  const { size, base, depth, batch, epochs, folds, threads, workers, slots } = options;
  const numbers = { size, base, depth, batch, epochs, folds, threads, processes: workers * slots };
  const args = [
    join(PEERS, "sweep_optuna.py"),
    manifest,
    await temporaryFolder("optuna"),
    "--learning-rates",
    ...LEARNING_RATES.map(String),
  ];
  for (const [key, value] of Object.entries(numbers)) args.push(`--${key}`, String(value));
  const beganMs = performance.now();
  const result = await runForJson(python, args, { line: (seconds) => console.error(`  … Optuna, ${seconds} s`) });
  const seconds = secondsSince(beganMs);
  const trials = result["trials"] as { dice: number; accuracy: number; folds: { trainSeconds: number; validateSeconds: number }[] }[];
  const folded = trials.flatMap((trial) => trial.folds);
  if (folded.length !== folds * LEARNING_RATES.length) throw new Error(`Optuna has ${folded.length} folds`);
  const { imports, decode } = result["seconds"] as { imports: number; decode: number };
  const lanes = workers * slots;
  return {
    seconds,
    dice: mean(trials.map((trial) => trial.dice)),
    accuracy: mean(trials.map((trial) => trial.accuracy)),
    times: {
      imports: figuresOf(imports),
      decode: figuresOf(decode),
      training: figuresOf(sum(folded.map(({ trainSeconds }) => trainSeconds)) / lanes),
      validation: figuresOf(sum(folded.map(({ validateSeconds }) => validateSeconds)) / lanes),
    },
  };
}

/** The manifest of the generated images: noisy discs, drawn once a machine (PNGs of noise are about as large as those of photographs). */
async function discs({ images, side }: Options): Promise<string> {
  const folder = join(cacheFolder(), "bench", `discs-${images}-${side}`);
  const [manifest, marker] = [join(folder, "manifest.csv"), join(folder, "complete")];
  if (existsSync(marker)) return manifest;
  console.error(`drawing ${images} images of ${side} px`);
  await makeTinyDataset(folder, { images, groups: Math.ceil(images / 3), size: side, labels: LABELS });
  await writeFile(marker, "");
  return manifest;
}

function told(what: string, swept: Swept): Swept {
  console.error(
    `${what}: ${figuresOf(swept.seconds)} s, dice ${figuresOf(swept.dice)}, accuracy ${figuresOf(swept.accuracy)} ${JSON.stringify(swept.times)}`,
  );
  return { ...swept, seconds: figuresOf(swept.seconds), dice: figuresOf(swept.dice), accuracy: figuresOf(swept.accuracy) };
}

function tick(what: string): () => void {
  const beganMs = performance.now();
  const timer = setInterval(() => console.error(`  … ${what}, ${Math.round(secondsSince(beganMs))} s`), 10_000);
  return () => clearInterval(timer);
}

const secondsSince = (beganMs: number): number => (performance.now() - beganMs) / 1000;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
