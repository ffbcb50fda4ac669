// Runs real trainings of a small network on drawn discs, on the real engine, and looks into what they leave.
import { readFile } from "node:fs/promises";
import { fromTrainerSchema, modelSchema, trainSchema } from "@saphena/contracts";
import type { FromTrainer, TrainerStart } from "@saphena/contracts";
import type { Pack } from "@saphena/dataset";
import { temporaryFolder } from "@saphena/testing";
import type { Engine } from "@saphena/venet";
import { parquetReadObjects } from "hyparquet";
import { discPack } from "./discs.case.ts";
import { loadEngine, train } from "./index.ts";
import type { StopSignal, TrainingEnd } from "./index.ts";

export const engine = await loadEngine({ threads: 1 });
export const LABELS = ["mild", "severe"];

interface Setting {
  pack?: Pack;
  start?: Partial<TrainerStart>;
  train?: Record<string, unknown>;
  /** Default: native TensorFlow. */
  engine?: Engine;
  /** Called with every message; may set the stop signal. */
  onMessage?: (message: FromTrainer, stop: StopSignal) => void;
}

export async function startOf(setting: Setting, pack: Pack): Promise<TrainerStart> {
  const heads = pack.maskClasses === 0 ? "classification" : pack.labelNames.length === 0 ? "segmentation" : "both";
  return {
    type: "start",
    run: "swp_000000000000-0-0",
    attempt: 1,
    seed: 11,
    model: modelSchema.parse({ depth: 2, baseFilters: 4, inputSize: 16 }),
    train: trainSchema.parse({ epochs: 2, batchSize: 4, optimizer: { learningRate: 0.03, momentum: 0.9 }, ...setting.train }),
    heads,
    labels: [...pack.labelNames],
    maskClasses: pack.maskClasses,
    fold: 3,
    split: { repeat: 0, outer: 0, train: pack.ids.filter((_, i) => i % 4 !== 0), validation: pack.ids.filter((_, i) => i % 4 === 0) },
    packFolder: "unused",
    outFolder: await temporaryFolder("training"),
    checkpoint: null,
    checkpointEvery: 1,
    threads: 1,
    inputThreads: 0,
    ...setting.start,
  };
}

export async function run(setting: Setting = {}): Promise<{ end: TrainingEnd; messages: FromTrainer[]; start: TrainerStart }> {
  const pack = setting.pack ?? discPack({ labels: LABELS });
  const start = await startOf(setting, pack);
  const stop: StopSignal = { requested: null };
  const messages: FromTrainer[] = [];
  const report = (message: FromTrainer): void => {
    messages.push(fromTrainerSchema.parse(message));
    setting.onMessage?.(message, stop);
  };
  const end = await train({ engine: setting.engine ?? engine, pack, start, report, stop });
  return { end: fromTrainerSchema.parse(end) as TrainingEnd, messages, start };
}

export function finished(end: TrainingEnd): Extract<TrainingEnd, { type: "finished" }> {
  if (end.type !== "finished") throw new Error(`the training ended with ${end.type}`);
  return end;
}
export const ofType = <T extends FromTrainer["type"]>(messages: readonly FromTrainer[], type: T): Extract<FromTrainer, { type: T }>[] =>
  messages.filter((message): message is Extract<FromTrainer, { type: T }> => message.type === type);
export const fileOf = (end: TrainingEnd, role: string): string => finished(end).files.find((file) => file.role === role)!.path;
export const hashOf = (end: TrainingEnd, role: string): string => finished(end).files.find((file) => file.role === role)!.sha256;

export async function parquetRows(path: string): Promise<Record<string, unknown>[]> {
  const bytes = await readFile(path);
  return await parquetReadObjects({ file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) });
}
