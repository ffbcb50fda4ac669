// Checkpoints: all that is needed to go on as if nothing had happened, to the last bit. Weights, batch-norm averages and momentum
// are the tensors; position, point history and what the run was asked to do are JSON in the file's metadata.
import { join } from "node:path";
import { SCHEMA_VERSION, SaphenaError, epochPointsSchema, fingerprintSchema, modelSchema, trainSchema } from "@saphena/contracts";
import type { EngineFingerprint, TrainerStart } from "@saphena/contracts";
import { canonicalJson, sha256 } from "@saphena/dataset";
import type { TensorRecord } from "@saphena/venet";
import { z } from "zod";
import { positionSchema } from "./position.ts";
import { readTensors, writeTensors } from "./safetensors.ts";
import type { WrittenFile } from "./safetensors.ts";

/** What must be the same when a run goes on. */
const identitySchema = z.strictObject({
  seed: z.int().nonnegative(),
  model: modelSchema,
  train: trainSchema,
  heads: z.enum(["both", "classification", "segmentation"]),
  labels: z.array(z.string()),
  maskClasses: z.int().nonnegative(),
  splitHash: z.string(),
});
export type RunIdentity = z.infer<typeof identitySchema>;

const statisticsSchema = z.strictObject({
  mean: z.array(z.number()).length(3).readonly(),
  sd: z.array(z.number().positive()).length(3).readonly(),
});

const checkpointSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  identity: identitySchema,
  position: positionSchema,
  /** Of the training part, in units of bytes. */
  statistics: statisticsSchema,
  /** Points of every completed epoch, those of earlier attempts included. */
  history: z.array(epochPointsSchema).readonly(),
  /** Engines that have trained this run so far, the newest last. */
  fingerprints: z.array(fingerprintSchema).readonly(),
});
export type Checkpoint = z.infer<typeof checkpointSchema> & { tensors: Map<string, TensorRecord> };

/** The metadata key under which Saphena's JSON lies in its safetensors files. */
export const METADATA_KEY = "saphena";

export function identityOf({ seed, model, train, heads, labels, maskClasses, split }: TrainerStart): RunIdentity {
  return { seed, model, train, heads, labels, maskClasses, splitHash: sha256(canonicalJson(split)) };
}

/** Each position has a file of its own, so a file that is still being uploaded is never written over. Whoever reads them removes them. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<WrittenFile> {
  const { tensors, ...state } = checkpoint;
  const { epoch, step } = state.position;
  const name = step === 0 ? `checkpoint-${epoch}` : `checkpoint-${epoch}-step-${step}`;
  return await writeTensors(join(folder, `${name}.safetensors`), { metadata: { [METADATA_KEY]: JSON.stringify(state) }, tensors });
}

/** Throws CHECKPOINT_INVALID when the file is damaged or belongs to another configuration, seed or split. */
export async function readCheckpoint(file: { path: string; sha256: string }, identity: RunIdentity): Promise<Checkpoint> {
  const { metadata, tensors } = await readTensors(file.path, file.sha256);
  const state = checkpointSchema.safeParse(parseJson(metadata[METADATA_KEY]));
  if (!state.success) throw new SaphenaError("CHECKPOINT_INVALID", z.prettifyError(state.error));
  const differing = Object.keys(identity).filter((key) => {
    const [stored, asked] = [state.data.identity, identity].map((one) => canonicalJson(one[key as keyof RunIdentity]));
    return stored !== asked;
  });
  if (differing.length > 0) throw new SaphenaError("CHECKPOINT_INVALID", `it was made with another ${differing.join(", ")}`);
  if (state.data.position.epoch >= identity.train.epochs) throw new SaphenaError("CHECKPOINT_INVALID", "it leaves nothing to train");
  return { ...state.data, tensors };
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined; // refused by the schema
  }
}

/** Engines other than `now` among those of earlier attempts, each once: where a run with these is resumed, bits may differ. */
export function otherFingerprints(earlier: readonly EngineFingerprint[], now: EngineFingerprint): EngineFingerprint[] {
  return withFingerprint(earlier, now).filter((one) => canonicalJson(one) !== canonicalJson(now));
}

/** The list with `now` moved to, or added at, its end. */
export function withFingerprint(earlier: readonly EngineFingerprint[], now: EngineFingerprint): EngineFingerprint[] {
  const others = new Map(earlier.map((one) => [canonicalJson(one), one]));
  others.delete(canonicalJson(now));
  return [...others.values(), now];
}
