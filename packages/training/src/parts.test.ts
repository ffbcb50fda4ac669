// The small decisions of a training: split, position, and what a failure means.
import { SaphenaError } from "@saphena/contracts";
import { expect, test } from "vitest";
import { otherFingerprints, withFingerprint } from "./checkpoint.ts";
import { trainingFailure } from "./failure.ts";
import { assertNoLeak } from "./fold.ts";
import { afterStep, epochStart, meanLosses } from "./position.ts";

const ids = ["a", "b", "c", "d"];
const pack = { ids, indicesOf: (asked: readonly string[]) => Int32Array.from(asked, (id) => ids.indexOf(id)) };
const split = (train: string[], validation: string[]): Parameters<typeof assertNoLeak>[0] => ({ repeat: 0, outer: 0, train, validation });

test("a clean split becomes places in the pack, in its own order", () => {
  expect(assertNoLeak(split(["d", "a"], ["b"]), pack)).toEqual({ train: Int32Array.of(3, 0), validation: Int32Array.of(1) });
});

test.each([
  ["in both parts", split(["a", "b"], ["b"]), "b is in both parts"],
  ["twice in one part", split(["a"], ["b", "c", "b"]), "b is twice in the validation part"],
  ["not in the dataset", split(["a", "e"], ["b"]), "e is not in the dataset"],
])("an image %s is a leak", (_, leaking, message) => {
  expect(() => assertNoLeak(leaking, pack)).toThrow(message);
  expect(() => assertNoLeak(leaking, pack)).toThrow(expect.objectContaining({ code: "SPLIT_LEAK" }) as Error);
});

test("mean losses weigh batches by their images and leave out what a batch does not have", () => {
  let position = epochStart(2);
  expect(meanLosses(position).classification).toBeNull();
  position = afterStep(position, { total: 3, classification: 2, segmentation: 1 }, 4);
  position = afterStep(position, { total: 1, classification: null, segmentation: 1 }, 2);
  expect(position).toMatchObject({ epoch: 2, step: 2 });
  expect(meanLosses(position)).toEqual({ total: 14 / 6, classification: 2, segmentation: 1 });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("a loss of %d ends the run with epoch and step named", (loss) => {
  const position = afterStep(epochStart(2), { total: 1, classification: 1, segmentation: null }, 4);
  const step = (): unknown => afterStep(position, { total: 1, classification: loss, segmentation: null }, 4);
  expect(step).toThrow("in epoch 3, step 2");
  expect(step).toThrow(expect.objectContaining({ code: "LOSS_NOT_FINITE" }) as Error);
});

test.each([
  ["OOM when allocating tensor with shape[8,512,512,32]", "OUT_OF_MEMORY"],
  ["ResourceExhaustedError: failed to allocate memory", "OUT_OF_MEMORY"],
  ["std::bad_alloc", "OUT_OF_MEMORY"],
  ["Array buffer allocation failed", "OUT_OF_MEMORY"],
  ["the room is gone", "INTERNAL"],
])("%j means %s", (message, code) => {
  expect(trainingFailure(new Error(message))).toMatchObject({ code });
});

test("an error with a code keeps it", () => {
  const error = new SaphenaError("LOSS_NOT_FINITE", "out of memory");
  expect(trainingFailure(error)).toBe(error);
});

test("engines are listed once, the newest last, and only others are flagged", () => {
  const [one, two] = [1, 2].map((threads) => ({
    engine: "e",
    tensorflowVersion: "2",
    deviceKind: "cpu",
    instructionSet: "avx2",
    threads,
  })) as [never, never];
  expect(withFingerprint([one, two], one)).toEqual([two, one]);
  expect(otherFingerprints([one, two], one)).toEqual([two]);
  expect(otherFingerprints([], one)).toEqual([]);
});
