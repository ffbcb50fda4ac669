// The files a finished training leaves behind: point history, predictions, and the model.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { SCHEMA_VERSION } from "@saphena/contracts";
import type { EpochPoints, RunMetrics, TrainerFile, TrainerStart } from "@saphena/contracts";
import { EMPTY_MASK_POLICY } from "@saphena/metrics";
import type { OverlapCounts } from "@saphena/metrics";
import type { TensorRecord } from "@saphena/venet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { METADATA_KEY } from "./checkpoint.ts";
import { writeTensors } from "./safetensors.ts";
import type { Session } from "./session.ts";
import type { PredictionRow } from "./validate.ts";

type Schema = NonNullable<Parameters<typeof parquetWriteBuffer>[0]["schema"]>;
const CREATED_BY = "saphena";

/** `metrics.parquet`: epoch, name, value; every epoch of the run, those of earlier attempts included. */
export async function writeMetrics(path: string, history: readonly EpochPoints[]): Promise<TrainerFile> {
  const rows = history.flatMap(({ epoch, values }) => Object.entries(values).map(([name, value]) => ({ epoch, name, value })));
  return await writeParquet(path, "metrics", [
    { name: "epoch", schema: [required("epoch", { type: "INT32" })], data: rows.map(({ epoch }) => epoch) },
    { name: "name", schema: [required("name", TEXT)], data: rows.map(({ name }) => name) },
    { name: "value", schema: [required("value", { type: "DOUBLE" })], data: rows.map(({ value }) => value) },
  ]);
}

/**
 * `predictions.parquet`: one row a validation image. truth and predicted are label names; probabilities are in label order, tp, fp
 * and fn (pixels at input size) in mask-class order without the background; mask is the predicted mask as runs `class:length`,
 * row by row. The file's metadata holds the labels, the number of mask classes, the mask's side and the empty-mask policy.
 */
export async function writePredictions(
  path: string,
  rows: readonly PredictionRow[],
  { fold, labels, maskClasses, model }: Pick<TrainerStart, "fold" | "labels" | "maskClasses" | "model">,
): Promise<TrainerFile> {
  const label = (index: number | null): string | null => (index === null ? null : labels[index]!);
  const counts = (key: keyof OverlapCounts): (number[] | null)[] => rows.map(({ overlap }) => overlap?.map((one) => one[key]) ?? null);
  const columns: Column[] = [
    { name: "id", schema: [required("id", TEXT)], data: rows.map(({ id }) => id) },
    { name: "group", schema: [required("group", TEXT)], data: rows.map(({ group }) => group) },
    { name: "fold", schema: [required("fold", { type: "INT32" })], data: rows.map(() => fold) },
    { name: "truth", schema: [optional("truth", TEXT)], data: rows.map(({ truth }) => label(truth)) },
    { name: "predicted", schema: [optional("predicted", TEXT)], data: rows.map(({ predicted }) => label(predicted)) },
    { name: "probabilities", schema: list("probabilities", "FLOAT"), data: rows.map(({ probabilities }) => probabilities) },
    { name: "tp", schema: list("tp", "INT32"), data: counts("truePositives") },
    { name: "fp", schema: list("fp", "INT32"), data: counts("falsePositives") },
    { name: "fn", schema: list("fn", "INT32"), data: counts("falseNegatives") },
    { name: "mask", schema: [optional("mask", TEXT)], data: rows.map(({ mask }) => mask) },
  ];
  const facts = { labels, maskClasses, inputSize: model.inputSize, emptyMasks: EMPTY_MASK_POLICY };
  return await writeParquet(path, "predictions", columns, facts);
}

/** `model.safetensors`: weights and batch-norm averages with all that is needed to use them. Equal trainings give equal bytes. */
export async function writeModel(
  path: string,
  tensors: ReadonlyMap<string, TensorRecord>,
  { start, statistics, engine }: Pick<Session, "start" | "statistics" | "engine">,
  metrics: RunMetrics,
): Promise<TrainerFile> {
  const { seed, model, train, heads, labels, maskClasses } = start;
  const metadata = {
    schemaVersion: SCHEMA_VERSION,
    seed,
    model,
    train,
    heads,
    labels,
    maskClasses,
    statistics,
    metrics,
    fingerprint: engine.fingerprint,
  };
  const weights = new Map(Array.from(tensors).filter(([name]) => name.startsWith("model.")));
  const written = await writeTensors(path, { metadata: { [METADATA_KEY]: JSON.stringify(metadata) }, tensors: weights });
  return { ...written, role: "model" };
}

/** A file that is complete, described. */
export async function describeFile(path: string, role: TrainerFile["role"]): Promise<TrainerFile> {
  return describe(path, role, await readFile(path));
}

function describe(path: string, role: TrainerFile["role"], bytes: Uint8Array): TrainerFile {
  return { path, role, sha256: createHash("sha256").update(bytes).digest("hex"), sizeBytes: bytes.length };
}

interface Column {
  name: string;
  schema: Schema;
  data: (string | number | number[] | null)[];
}

async function writeParquet(
  path: string,
  role: TrainerFile["role"],
  columns: readonly Column[],
  facts: Record<string, unknown> = {},
): Promise<TrainerFile> {
  const buffer = parquetWriteBuffer({
    columnData: columns.map(({ name, data }) => ({ name, data })),
    schema: [{ name: "root", num_children: columns.length }, ...columns.flatMap(({ schema }) => schema)],
    kvMetadata: Object.entries(facts).map(([key, value]) => ({ key, value: typeof value === "string" ? value : JSON.stringify(value) })),
    createdBy: CREATED_BY,
  });
  const bytes = new Uint8Array(buffer);
  await writeFile(path, bytes);
  return describe(path, role, bytes);
}

type ValueType = Omit<Schema[number], "name" | "repetition_type">;
const TEXT: ValueType = { type: "BYTE_ARRAY", converted_type: "UTF8" };
const required = (name: string, type: ValueType): Schema[number] => ({ name, repetition_type: "REQUIRED", ...type });
const optional = (name: string, type: ValueType): Schema[number] => ({ name, repetition_type: "OPTIONAL", ...type });

/** Parquet's three-level list. */
function list(name: string, type: "FLOAT" | "INT32"): Schema {
  return [
    { name, repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", repetition_type: "REQUIRED", type },
  ];
}
