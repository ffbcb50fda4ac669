// Data of other shapes go through the same commands: no masks at all, no labels at all.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTinyDataset, temporaryFolder } from "@saphena/testing";
import type { TinyDatasetOptions } from "@saphena/testing";
import type { TrialRow } from "@saphena/contracts";
import { saphena, saphenaDone } from "../system/saphena.ts";
import { startSystem } from "../system/system.ts";
import type { System } from "../system/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem({ workers: 2, slots: 1 });
});
afterAll(() => system.stop());

async function importAs(name: string, options: TinyDatasetOptions): Promise<void> {
  const { manifest } = await makeTinyDataset(await temporaryFolder(name), { images: 24, groups: 12, size: 40, ...options });
  await saphenaDone(["dataset", "import", manifest, "--name", name], { env: system.env });
}

async function sweepFile(dataset: string, metric: string): Promise<string> {
  const path = join(await temporaryFolder("sweep"), "sweep.yaml");
  await writeFile(
    path,
    `name: ${dataset}\ndataset: ${dataset}\nmodel: { depth: 2, baseFilters: 4, inputSize: 32 }\ntrain: { epochs: 1, optimizer: { momentum: 0.9 } }\nobjective: { metric: ${metric} }\ncv: { folds: 2 }\nbudget: { trials: 1 }\n`,
  );
  return path;
}

async function trialsOf(dataset: string, metric: string): Promise<TrialRow[]> {
  const submitted = await saphenaDone(["submit", await sweepFile(dataset, metric), "--watch"], { env: system.env });
  const id = submitted.stdout.trim();
  expect(id).toMatch(/^swp_[0-9a-z]{12}$/);
  return JSON.parse((await saphenaDone(["trials", id, "--json"], { env: system.env })).stdout) as TrialRow[];
}

describe("a dataset", () => {
  it("without masks trains the class head alone; Dice is null, not 0", async () => {
    await importAs("no-masks", { masks: false });
    const [trial] = await trialsOf("no-masks", "accuracy");
    expect(trial!.state).toBe("completed");
    expect(trial!.metrics["accuracy"]).toBeTypeOf("number");
    expect(trial!.metrics["dice"]).toBeNull();
  });

  it("without labels trains the decoder alone; accuracy is null, not 0", async () => {
    await importAs("no-labels", { labels: [] });
    const [trial] = await trialsOf("no-labels", "dice");
    expect(trial!.state).toBe("completed");
    expect(trial!.metrics["dice"]).toBeTypeOf("number");
    expect(trial!.metrics["accuracy"]).toBeNull();
  });

  it("that cannot supply the objective is refused at submit, with nothing queued", async () => {
    const before = (await system.client.sweeps()).length;
    const refused = await saphena(["submit", await sweepFile("no-masks", "dice")], { env: system.env });
    expect(refused.exitCode).toBe(2);
    expect(refused.stdout).toBe("");
    expect(refused.stderr).toMatch(/^error: SWEEP_OBJECTIVE_IMPOSSIBLE: [^\n]+\n\nhint: /);
    expect(await system.client.sweeps()).toHaveLength(before);
  });

  it("that does not exist is refused at submit", async () => {
    const refused = await saphena(["submit", await sweepFile("nowhere", "dice")], { env: system.env });
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(/^error: DATASET_NOT_FOUND: [^\n]*nowhere/);
  });
});
