// A small sweep with real training, and what has to be equal between two runs of it.
import { defineSweep } from "@saphena/client";
import type { Sweep } from "@saphena/client";
import type { SweepFile, TrialRow } from "@saphena/contracts";
import { makeTinyDataset, temporaryFolder } from "@saphena/testing";
import { saphenaDone } from "./saphena.ts";
import type { System } from "./system.ts";

export const EPOCHS = 16;

/** Long enough to be interrupted in the middle, short enough to be run many times: about two seconds a run. */
export const TINY_SWEEP: SweepFile = defineSweep({
  name: "tiny",
  dataset: "tiny",
  model: { depth: 3, baseFilters: 4, inputSize: 32 },
  train: { epochs: EPOCHS, batchSize: 8, optimizer: { momentum: 0.9 }, augment: "mirror" },
  parameters: { "train.optimizer.learningRate": { type: "float", min: 0.01, max: 0.1, log: true } },
  cv: { folds: 3 },
  budget: { trials: 2 },
});

export async function importTiny(env: NodeJS.ProcessEnv): Promise<void> {
  const { manifest } = await makeTinyDataset(await temporaryFolder("tiny"), { images: 96, groups: 48, size: 32 });
  await saphenaDone(["dataset", "import", manifest, "--name", "tiny"], { env });
}

export interface FinalTable {
  state: string;
  trials: TrialRow[];
}

/** Waits for the sweep and gives what a reader sees of it. */
export async function finalTable(sweep: Sweep): Promise<FinalTable> {
  const status = await sweep.wait({ pollMs: 200 });
  return { state: status.state, trials: await sweep.trials() };
}

export async function calmTable(system: System): Promise<FinalTable> {
  return finalTable(await system.client.submit(TINY_SWEEP));
}
