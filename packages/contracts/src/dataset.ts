// Datasets as records: the rows of a manifest, what the store keeps of a version, and the splits computed from it.
import { z } from "zod";

export const SCHEMA_VERSION = 1;
export const sha256Schema: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/, "a sha256 in lower-case hex");
export const datasetNameSchema: z.ZodString = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "1-64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");

/** One stored file of a dataset: `datasets/<name>/objects/<sha256>`. Width and height are those after EXIF orientation. */
export const imageFileSchema = z.strictObject({
  sha256: sha256Schema,
  sizeBytes: z.int().positive(),
  width: z.int().positive(),
  height: z.int().positive(),
  format: z.enum(["png", "jpeg", "webp"]),
});
export type ImageFile = z.infer<typeof imageFileSchema>;

/** One row of the stored `manifest.jsonl`, sorted by id. A null mask or label is *missing*, which is not "empty" or "none". */
export const manifestRowSchema = z.strictObject({
  id: z.string().min(1).max(256),
  image: imageFileSchema,
  mask: imageFileSchema.nullable(),
  label: z.string().nullable(),
  /** Never split over folds; the id itself where the user gave no group. */
  group: z.string().min(1),
  source: z.string().nullable(),
  weight: z.number().positive(),
});
export type ManifestRow = z.infer<typeof manifestRowSchema>;

/** `dataset.json`. `labels` are in severity order after merging; `maskClasses[i].value` is the pixel value of class i+1 (0 is background). */
export const datasetRecordSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  name: datasetNameSchema,
  hash: sha256Schema,
  labels: z.array(z.string()),
  merge: z.record(z.string(), z.string()),
  /** null = any non-zero pixel is foreground (two mask classes with the background). */
  maskClasses: z.array(z.strictObject({ name: z.string().min(1), value: z.int().min(1).max(255) })).nullable(),
  images: z.int().positive(),
  masks: z.int().nonnegative(),
  labelled: z.int().nonnegative(),
  groups: z.int().positive(),
});
export type DatasetRecord = z.infer<typeof datasetRecordSchema>;

/** `datasets/<name>/versions/<n>.json`, written create-if-absent. */
export const datasetVersionSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  version: z.int().positive(),
  hash: sha256Schema,
  createdAtMs: z.int().nonnegative(),
});
export type DatasetVersion = z.infer<typeof datasetVersionSchema>;

export const foldSplitSchema = z.strictObject({
  repeat: z.int().nonnegative(),
  outer: z.int().nonnegative(),
  train: z.array(z.string()).min(1),
  validation: z.array(z.string()).min(1),
});
export type FoldSplit = z.infer<typeof foldSplitSchema>;

/** `splits.json`: fold k is the k-th entry of `folds`. The hash covers datasetHash and folds. */
export const splitsSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  hash: sha256Schema,
  datasetHash: sha256Schema,
  seed: z.int(),
  folds: z.array(foldSplitSchema).min(1),
});
export type Splits = z.infer<typeof splitsSchema>;
