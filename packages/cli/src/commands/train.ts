// `saphena train FILE`: one run of a sweep file, without queue or server. The same trainer, splits and seed as in a sweep.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import { SCHEMA_VERSION, SaphenaError } from "@saphena/contracts";
import type { FromTrainer, SweepSpec, TrainerStart, TrialConfig } from "@saphena/contracts";
import { assertNoLeak, computeSplits, foldAt, maskClassCount, packDataset } from "@saphena/dataset";
import { cacheFolder } from "@saphena/setup";
import { effectiveHeads, runSeed } from "@saphena/sweep";
import { allValues, wholeNumber } from "../command-line.ts";
import { counter } from "../counter.ts";
import { formatScore, plural } from "../number-format.ts";
import { readSweepFile } from "../sweep-document.ts";
import { liveArea, printData, printJson, say, warn } from "../terminal.ts";
import { EpochTable } from "../train/epoch-table.ts";
import { configOf } from "../train/settings.ts";
import { runTrainer, type Finished } from "../train/trainer-child.ts";
import { localDataset } from "../train/local-dataset.ts";
import { openOutFolder } from "../train/out-folder.ts";
import { namedDataset, type TrainingData } from "../train/training-data.ts";
import { jsonFlag } from "./arguments.ts";

const definitions = {
  file: { type: "positional", required: true, description: "sweep file, YAML or JSON; its parameters are not sampled" },
  fold: { type: "string", valueHint: "K", description: "fold to validate on, from 0 (default: 0)" },
  set: { type: "string", valueHint: "path=value", description: "a setting of model or train; may be given several times" },
  data: {
    type: "string",
    valueHint: "SRC",
    description: "manifest or folder to train on (default: the dataset that FILE names, from SAPHENA_STORE or the server)",
  },
  out: { type: "string", valueHint: "DIR", description: "new or empty folder for the results (default: NAME-fold-K)" },
  json: jsonFlag,
} as const;

export const trainCommand = defineCommand({
  meta: { name: "train", description: "Train one run here, without queue or server" },
  args: definitions,
  async run({ args, rawArgs }) {
    const { spec } = await readSweepFile(args.file);
    const config = configOf(spec, allValues(rawArgs, "set", definitions));
    const fold = wholeNumber(args.fold, "--fold", { min: 0, max: 1_000_000 }) ?? 0;
    if (fold >= spec.cv.folds) throw new SaphenaError("FOLD_NOT_FOUND", `fold ${fold} of ${spec.cv.folds}`);
    const out = openOutFolder(args.out ?? `${spec.name.replaceAll(/[^\w.-]+/g, "-")}-fold-${fold}`);
    const data = args.data === undefined ? await namedDataset(spec.dataset) : await localDataset(args.data, spec.dataset);
    try {
      const start = await prepareRun({ spec, config, fold, outFolder: out.workFolder, data });
      const reporter = {
        start,
        table: new EpochTable(),
        area: process.stderr.isTTY ? liveArea() : null,
        print: args.json ? say : printData,
      };
      const finished = await runTrainer(start, (message) => showMessage(reporter, message));
      const summary = {
        schemaVersion: SCHEMA_VERSION,
        dataset: data.record.hash,
        fold,
        seed: start.seed,
        ...config,
        ...resultOf(finished),
      };
      writeFileSync(join(out.workFolder, "run.json"), `${JSON.stringify(summary, null, 2)}\n`);
      out.keep();
      if (args.json) printJson(summary);
      else printData(`final  ${SHOWN.map((name) => `${name} ${formatScore(finished.metrics[name])}`).join("  ")}`);
      say(`results are in ${out.folder}`);
    } finally {
      await data.close();
    }
  },
});

/** The others are in run.json. */
const SHOWN = ["dice", "accuracy", "score"] as const;

interface RunParts {
  spec: SweepSpec;
  config: TrialConfig;
  fold: number;
  outFolder: string;
  data: TrainingData;
}

/** Everything a trainer needs, made as the scheduler and a worker would make it. */
async function prepareRun({ spec, config, fold, outFolder, data }: RunParts): Promise<TrainerStart> {
  const { record, rows, readObject } = data;
  const { model, train } = config;
  const { splits, warnings } = computeSplits(rows, record.labels, spec.cv, record.hash);
  for (const warning of warnings) warn(warning);
  assertNoLeak(splits, rows, spec.cv.groupBy);
  const maskClasses = maskClassCount(record);
  const heads = effectiveHeads(model.heads, { labels: record.labels, maskClasses });
  const { inputSize, resize } = model;
  const progress = counter("decoded");
  const pack = await packDataset({
    rows,
    dataset: record,
    inputSize,
    resize,
    readObject,
    folder: join(cacheFolder(), "datasets"),
    onProgress: progress.show,
  });
  progress.end();
  return {
    type: "start",
    run: "train",
    attempt: 1,
    fold,
    seed: runSeed(train.seed, fold),
    model,
    train,
    heads,
    labels: record.labels,
    maskClasses,
    split: foldAt(splits, fold),
    packFolder: pack.folder,
    outFolder,
    checkpoint: null,
    checkpointEvery: train.epochs,
    threads: spec.resources.threads,
    inputThreads: spec.resources.inputThreads,
  };
}

interface Reporter {
  start: TrainerStart;
  table: EpochTable;
  area: ReturnType<typeof liveArea> | null;
  print: (line: string) => void;
}

function showMessage({ start, table, area, print }: Reporter, message: FromTrainer): void {
  if (message.type === "progress") {
    area?.draw([
      `epoch ${message.epoch}/${message.epochs}  step ${message.step}/${message.steps}  ${message.imagesPerSecond.toFixed(1)} images/s`,
    ]);
    return;
  }
  if (message.type !== "started" && message.type !== "points" && message.type !== "log") return;
  area?.draw([]);
  if (message.type === "started")
    say(
      `${message.parameterCount.toLocaleString("en")} weights (${modelInWords(start)}) on ${message.fingerprint.engine}, ${message.fingerprint.deviceKind}, ${plural(message.fingerprint.threads, "thread")}`,
    );
  else if (message.type === "points") for (const line of table.lines(message.points)) print(line);
  // What it says in passing is in its log, and the table has it.
  else if (message.level !== "info") warn(message.message);
}

/** The settings that the number of weights follows from. */
function modelInWords({ heads, model }: TrainerStart): string {
  return `heads ${heads}, depth ${model.depth}, baseFilters ${model.baseFilters}, maxFilters ${model.maxFilters}`;
}

function resultOf({ epochs, metrics, files, trainSeconds, imagesPerSecond, fingerprint }: Finished): object {
  return {
    epochs,
    metrics,
    trainSeconds,
    imagesPerSecond,
    fingerprint,
    files: files.map(({ path, role, sha256, sizeBytes }) => ({ name: path.split("/").at(-1), role, sha256, sizeBytes })),
  };
}
