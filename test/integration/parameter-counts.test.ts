// The number of weights that `saphena train` prints for a setting of `model`, against PyTorch's count of it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTinyDataset, temporaryFolder } from "@saphena/testing";
import { expect, it } from "vitest";
import { REPOSITORY } from "../system/repository.ts";
import { saphenaDone } from "../system/saphena.ts";

interface Row {
  heads: string;
  depth: number;
  baseFilters: number;
  maxFilters: number;
  classes: number;
  maskClasses: number;
  parameters: number;
}
const FIXTURE = join(REPOSITORY, "packages", "venet", "fixtures", "parameter-counts.json");
const { rows } = JSON.parse(readFileSync(FIXTURE, "utf8")) as { rows: Row[] };

const folder = await temporaryFolder("parameter-counts");
// Four grades and one kind of lesion, as the rows of the table with 4 classes and 2 mask classes.
const { manifest } = await makeTinyDataset(folder, { images: 16, groups: 8, labels: ["none", "mild", "moderate", "severe"] });
const sweep = join(folder, "sweep.json");
writeFileSync(
  sweep,
  JSON.stringify({
    name: "counts",
    dataset: "tones",
    budget: { trials: 1 },
    cv: { folds: 2 },
    model: { inputSize: 16 },
    train: { epochs: 1, batchSize: 8 },
  }),
);

it.each([
  { heads: "both", depth: 3, baseFilters: 8, maxFilters: 480 },
  { heads: "both", depth: 5, baseFilters: 16, maxFilters: 100 },
  { heads: "segmentation", depth: 2, baseFilters: 8, maxFilters: 480 },
  { heads: "classification", depth: 4, baseFilters: 16, maxFilters: 480 },
])("is printed and right for heads $heads, depth $depth, base $baseFilters, cap $maxFilters", async (model) => {
  const row = rows.find(
    ({ classes, maskClasses, ...rest }) =>
      classes === 4 && maskClasses === 2 && Object.entries(model).every(([key, value]) => rest[key as keyof typeof rest] === value),
  ) as Row;
  const settings = Object.entries(model).flatMap(([key, value]) => ["--set", `model.${key}=${value}`]);
  const { stderr } = await saphenaDone([
    "train",
    sweep,
    "--data",
    manifest,
    "--out",
    join(folder, Object.values(model).join("-")),
    ...settings,
  ]);
  const words = `heads ${model.heads}, depth ${model.depth}, baseFilters ${model.baseFilters}, maxFilters ${model.maxFilters}`;
  expect(stderr).toContain(`${row.parameters.toLocaleString("en")} weights (${words}) on `);
});
