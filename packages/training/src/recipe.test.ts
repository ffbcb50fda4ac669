// Every setting of the recipe together, in real trainings: they reach the network, and a run that is stopped goes on with the same bits.
import type { TrainerStart } from "@saphena/contracts";
import { expect, test } from "vitest";
import { discPack } from "./discs.case.ts";
import { train } from "./index.ts";
import type { Report, TrainingEnd } from "./index.ts";
import { readTensors } from "./safetensors.ts";
import { LABELS, engine, fileOf, finished, hashOf, run, startOf } from "./training.case.ts";

// 12 images are mild, 6 severe, 6 without a label: balanced draws and weights differ from plain ones.
const pack = discPack({ labels: LABELS, withoutLabel: (index) => index % 8 >= 6 });
const recipe = {
  epochs: 3,
  sampling: "balanced",
  optimizer: { type: "adamw", learningRate: 0.01, schedule: "cosine", warmupEpochs: 1, minLearningRateShare: 0.1, clipNorm: 1 },
  loss: { classWeights: "balanced" },
};
const straight = await run({ pack, train: recipe });

test("AdamW, clipping, warm-up, class weights and balanced sampling resume to the very same bits, in the middle of an epoch", async () => {
  const taken: { path: string; sha256: string; epoch: number }[] = [];
  let asked = 0;
  // Asked before each batch: 5 of training and 2 of validation an epoch.
  const stop = {
    get requested() {
      return asked++ < 9 ? null : ("release" as const);
    },
  };
  const start = await startOf({ train: recipe }, pack);
  const report: Report = (message) => {
    if (message.type === "checkpoint") taken.push({ ...message.file, epoch: 1 });
  };
  expect(await train({ engine, pack, start, report, stop })).toMatchObject({ type: "stopped", how: "release", epoch: 1 });
  const checkpoint: TrainerStart["checkpoint"] = { path: taken.at(-1)!.path, sha256: taken.at(-1)!.sha256, epoch: 1 };
  const { tensors } = await readTensors(checkpoint.path, checkpoint.sha256);
  expect([...tensors.get("optimizer.encoder.0.0.kernel.steps")!.data]).toEqual([7]);

  const resumed = await run({ pack, train: recipe, start: { checkpoint } });
  expect(hashOf(resumed.end, "model")).toBe(hashOf(straight.end, "model"));
  expect(hashOf(resumed.end, "predictions")).toBe(hashOf(straight.end, "predictions"));
});

test("each setting changes what is learnt", async () => {
  const kernelOf = async (end: TrainingEnd): Promise<number[]> => {
    const { tensors } = await readTensors(fileOf(end, "model"), hashOf(end, "model"));
    return [...tensors.get("model.encoder.0.0.kernel")!.data];
  };
  const { optimizer } = recipe;
  const changes = [
    { sampling: "shuffle" },
    { loss: { classWeights: "none" } },
    { loss: { classWeights: [1, 5] } },
    { optimizer: { ...optimizer, clipNorm: "none" } },
    { optimizer: { ...optimizer, warmupEpochs: 0 } },
    { optimizer: { ...optimizer, schedule: "poly" } },
    { optimizer: { ...optimizer, minLearningRateShare: 0 } },
    { optimizer: { learningRate: 0.01 } },
  ];
  const plain = await kernelOf(straight.end);
  for (const change of changes) {
    const { end } = await run({ pack, train: { ...recipe, ...change } });
    expect(await kernelOf(end), JSON.stringify(change)).not.toEqual(plain);
  }
});

test("class weights that are not one a label are refused; without a class head they are not looked at", async () => {
  const loss = { classWeights: [1, 2, 3] };
  await expect(run({ pack, train: { loss } })).rejects.toMatchObject({ code: "SWEEP_FILE_INVALID" });
  const { end } = await run({ pack: discPack({ labels: [] }), train: { epochs: 1, loss } });
  expect(finished(end).epochs).toBe(1);
});
