// Half precision in whole trainings: the same bits after a stop, steps that float16 cannot hold, and what the log says.
import { readFile } from "node:fs/promises";
import type { FromTrainer, TrainerStart } from "@saphena/contracts";
import type { Pack } from "@saphena/dataset";
import { expect, test } from "vitest";
import { discPack } from "./discs.case.ts";
import { loadEngine, train } from "./index.ts";
import { precisionNotice } from "./precision.ts";
import { afterStep, epochStart, meanLosses } from "./position.ts";
import { readTensors } from "./safetensors.ts";
import { LABELS, engine, fileOf, finished, hashOf, ofType, run, startOf } from "./training.case.ts";

/** Runs to the n-th time it is asked whether to stop, and gives the checkpoint of it. */
async function stopped(pack: Pack, recipe: Record<string, unknown>, n: number): Promise<NonNullable<TrainerStart["checkpoint"]>> {
  let asked = 0;
  const stop = {
    get requested() {
      return asked++ < n ? null : ("release" as const);
    },
  };
  const files: NonNullable<TrainerStart["checkpoint"]>[] = [];
  const start = await startOf({ train: recipe }, pack);
  const end = await train({
    engine,
    pack,
    start,
    stop,
    report: (message) => {
      if (message.type === "checkpoint") files.push({ path: message.file.path, sha256: message.file.sha256, epoch: message.epoch });
    },
  });
  expect(end).toMatchObject({ type: "stopped", how: "release" });
  return files.at(-1)!;
}

const messagesOf = (messages: readonly FromTrainer[], level: "info" | "warn"): string[] =>
  ofType(messages, "log").flatMap((line) => (line.level === level ? [line.message] : []));
const lossesOf = (messages: readonly FromTrainer[]): number[] =>
  ofType(messages, "points").map(({ points }) => points.values["lossTotal"]!);

test.each(["bfloat16", "float16"] as const)(
  "a run in %s learns, and stopped in the middle of an epoch it ends with the very same bits",
  async (precision) => {
    const pack = discPack({ labels: LABELS });
    const recipe = { epochs: 3, precision };
    const straight = await run({ pack, train: recipe });
    expect(lossesOf(straight.messages).at(-1)).toBeLessThan(lossesOf(straight.messages)[0]!);
    const checkpoint = await stopped(pack, recipe, 9);
    const resumed = await run({ pack, train: recipe, start: { checkpoint } });
    expect(ofType(resumed.messages, "started")[0]?.firstEpoch).toBe(2);
    for (const role of ["model", "predictions"]) expect(hashOf(resumed.end, role)).toBe(hashOf(straight.end, role));
    expect(lossesOf(resumed.messages)).toEqual(lossesOf(straight.messages).slice(1));
    const inFloat32 = await run({ pack, train: { epochs: 3 } });
    expect(hashOf(inFloat32.end, "predictions")).not.toBe(hashOf(straight.end, "predictions"));
  },
);

test("float16 begins with skipped steps where its loss scale is too high: the log names them, the run goes on, and a resumed one knows the scale", async () => {
  const pack = discPack({ labels: LABELS });
  const recipe = {
    epochs: 3,
    precision: "float16",
    loss: { classWeight: 1000, segmentationWeight: 1000 },
    optimizer: { learningRate: 1e-5 },
  };
  const straight = await run({ pack, train: recipe });
  const skipped = messagesOf(straight.messages, "info").filter((message) => message.includes("was skipped"));
  expect(skipped[0]).toBe("epoch 1, step 1 was skipped: gradients beyond float16 at a loss scale of 65536; it is now 32768");
  expect(skipped.length).toBeLessThan(10);
  expect(await readFile(fileOf(straight.end, "log"), "utf8")).toContain(skipped[0]!);
  expect(lossesOf(straight.messages).every(Number.isFinite)).toBe(true);

  const checkpoint = await stopped(pack, recipe, 9);
  const { tensors } = await readTensors(checkpoint.path, checkpoint.sha256);
  const early = skipped.filter((message) => /^epoch (1|2, step [12]),? /.test(message)).length;
  expect(tensors.get("lossScale.scale")!.data[0]).toBe(2 ** (16 - early));
  const resumed = await run({ pack, train: recipe, start: { checkpoint } });
  expect(hashOf(resumed.end, "model")).toBe(hashOf(straight.end, "model"));
  const model = await readTensors(fileOf(straight.end, "model"), hashOf(straight.end, "model"));
  expect([...model.tensors.keys()].filter((name) => !name.startsWith("model."))).toEqual([]);
});

test("a float16 training whose numbers stay beyond its range fails as one whose loss is not finite", async () => {
  const recipe = { epochs: 8, precision: "float16", optimizer: { learningRate: 100, weightDecay: 1 } };
  await expect(run({ train: recipe })).rejects.toMatchObject({ code: "LOSS_NOT_FINITE" });
});

test("losses of a skipped step count where they are finite, and a scale that cannot be lowered ends the run", () => {
  const losses = (total: number) => ({ total, classification: null, segmentation: total });
  const overflow = { lossScale: 4, nextLossScale: 2 };
  let position = afterStep(epochStart(2), { ...losses(Number.NaN), overflow }, 4);
  expect(position.step).toBe(1);
  expect(meanLosses(position)).toEqual({ total: null, classification: null, segmentation: null });
  position = afterStep(afterStep(position, { ...losses(3), overflow }, 4), losses(1), 4);
  expect(meanLosses(position)).toEqual({ total: 2, classification: null, segmentation: 2 });
  const last = (): unknown => afterStep(position, { ...losses(1), overflow: { lossScale: 1, nextLossScale: null } }, 4);
  expect(last).toThrow("in epoch 3, step 4: gradients are beyond float16 at the lowest loss scale");
  expect(last).toThrow(expect.objectContaining({ code: "LOSS_NOT_FINITE" }) as Error);
});

test("the log says it where a precision makes the run slower, and nothing where it does not", async () => {
  const half = { bfloat16: "slow", float16: "slow" } as const;
  const recipe = { epochs: 1, precision: "bfloat16" };
  const slow = await run({ train: recipe, engine: { ...engine, half } });
  expect(messagesOf(slow.messages, "warn")).toEqual([precisionNotice("bfloat16", half)]);
  expect(precisionNotice("bfloat16", half)).toMatch(/several times slower than float32 on this processor/);
  expect(precisionNotice("float16", half)).toMatch(/about 9 times slower than float32 on a CPU/);
  expect(precisionNotice("float32", half)).toBeNull();
  expect(precisionNotice("float16", { ...half, float16: "gains" })).toBeNull();
  expect(finished(slow.end).epochs).toBe(1);
});

test("the WASM engine refuses half precision", async () => {
  const wasm = await loadEngine({ threads: 1, engine: "wasm" });
  await expect(run({ train: { precision: "float16" }, engine: wasm })).rejects.toMatchObject({
    code: "PRECISION_UNSUPPORTED",
    message: expect.stringContaining("tensorflow-wasm computes in float32 only"),
  });
});

test("a checkpoint of another precision is not gone on with", async () => {
  const pack = discPack({ labels: LABELS });
  const checkpoint = await stopped(pack, { precision: "bfloat16" }, 3);
  const resumed = await run({ pack, train: {}, start: { checkpoint } });
  expect(messagesOf(resumed.messages, "warn")).toEqual([
    expect.stringContaining("it was made with another train; starting from the beginning"),
  ]);
});
