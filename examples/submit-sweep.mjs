// @ts-check
// Submits a sweep to a running `saphena up` and waits for its result: `node examples/submit-sweep.mjs`. As a .ts file it reads the same.
import { createClient, defineSweep } from "@saphena/client";

const sweepFile = defineSweep({
  name: "tones from a script",
  dataset: "tones",
  model: { depth: 4, baseFilters: 8, inputSize: 64 },
  train: { epochs: 2, optimizer: { momentum: 0.9 } },
  parameters: { "train.optimizer.learningRate": { type: "float", min: 0.01, max: 0.1, log: true } },
  cv: { folds: 3 },
  budget: { trials: 3 },
});
const client = createClient({ url: process.env.SAPHENA_URL ?? "http://127.0.0.1:8321" });
const sweep = await client.submit(sweepFile);
const { state, best } = await sweep.wait({ onStatus: ({ runs }) => console.log(`${sweep.id}: ${runs.final} of ${runs.total} runs done`) });
console.log(`${state}; best is trial ${best?.trial} with dice ${best?.value}`);
