import { readFileSync } from "node:fs";
import { array, assert, integer, property, record, tuple, uint8Array } from "fast-check";
import { describe, expect, test } from "vitest";
import { countOverlap, createConfusionMatrix, createSegmentationScore, dice, jaccard, overImage, quadraticWeightedKappa } from "./index.ts";
import type { ConfusionMatrix, PrecisionRecall, SegmentationScore } from "./index.ts";

type Figures = Record<keyof PrecisionRecall, number | null>;
interface Fixture {
  classification: {
    classes: number;
    truth: number[];
    predicted: number[];
    expected: {
      matrix: number[][];
      accuracy: number;
      balancedAccuracy: number;
      kappa: number | null;
      gradeError: number;
      perClass: Record<keyof PrecisionRecall, (number | null)[]>;
      macro: Figures;
      weighted: Figures;
    };
  }[];
  segmentation: {
    maskClasses: number;
    truths: number[][];
    predictions: number[][];
    expected: {
      dice: number;
      jaccard: number;
      dicePerImage: (number | null)[];
      jaccardPerImage: (number | null)[];
      pooledDicePerClass: (number | null)[];
    };
  }[];
}
const fixture = JSON.parse(readFileSync(new URL("../fixtures/scores.json", import.meta.url), "utf8")) as Fixture;
const FIGURES = ["precision", "recall", "f1"] as const;

/** null only where null is expected; else equal to 12 digits. */
function expectClose(actual: number | null, expected: number | null): void {
  expect(actual === null).toBe(expected === null);
  expect(actual ?? 0).toBeCloseTo(expected ?? 0, 12);
}

function matrixOf(classes: number, pairs: readonly (readonly [number, number])[]): ConfusionMatrix {
  const matrix = createConfusionMatrix(classes);
  for (const [truth, predicted] of pairs) matrix.update({ truth, predicted });
  return matrix;
}

function scoreOf(maskClasses: number, images: readonly { truth: Uint8Array; predicted: Uint8Array }[]): SegmentationScore {
  const score = createSegmentationScore(maskClasses);
  for (const { truth, predicted } of images) score.update(countOverlap(truth, predicted, maskClasses));
  return score;
}

describe("classification", () => {
  test.each(fixture.classification)("agrees with scikit-learn on $classes classes", ({ classes, truth, predicted, expected }) => {
    const matrix = matrixOf(
      classes,
      truth.map((label, i) => [label, predicted[i]!]),
    );
    expect(matrix.counts()).toEqual(expected.matrix);
    const scores = matrix.compute();
    expect(scores.samples).toBe(truth.length);
    for (const name of ["accuracy", "balancedAccuracy", "kappa", "gradeError"] as const) expectClose(scores[name], expected[name]);
    for (const figure of FIGURES) {
      scores.perClass.forEach((one, label) => expectClose(one[figure], expected.perClass[figure][label]!));
      expectClose(scores.macro[figure], expected.macro[figure]);
      expectClose(scores.weighted[figure], expected.weighted[figure]);
      expect(scores.undefinedClasses[figure]).toBe(expected.perClass[figure].filter((value) => value === null).length);
    }
  });

  test("no samples give null, never 0", () => {
    const scores = createConfusionMatrix(3).compute();
    expect(scores).toMatchObject({ samples: 0, accuracy: null, balancedAccuracy: null, kappa: null, gradeError: null });
    expect(scores.macro).toEqual({ precision: null, recall: null, f1: null });
    expect(scores.weighted).toEqual({ precision: null, recall: null, f1: null });
  });

  test("a label outside the classes is refused", () => {
    const matrix = createConfusionMatrix(3);
    expect(() => matrix.update({ truth: 3, predicted: 0 })).toThrow("label 3 is outside 0…2");
    expect(() => matrix.update({ truth: 0, predicted: -1 })).toThrow(RangeError);
    expect(() => matrix.merge(createConfusionMatrix(4))).toThrow(RangeError);
    expect(matrix.compute().samples).toBe(0);
  });

  test("kappa is 1 for perfect and -1 for reversed extreme grades", () => {
    expect(
      quadraticWeightedKappa([
        [5, 0],
        [0, 5],
      ]),
    ).toBe(1);
    expect(
      quadraticWeightedKappa([
        [0, 5],
        [5, 0],
      ]),
    ).toBe(-1);
  });

  test("folds merged are the folds pooled, and reset forgets", () => {
    const pair = tuple(integer({ min: 0, max: 3 }), integer({ min: 0, max: 3 }));
    assert(
      property(array(pair), array(pair), (first, second) => {
        const merged = matrixOf(4, first);
        merged.merge(matrixOf(4, second));
        expect(merged.compute()).toEqual(matrixOf(4, [...first, ...second]).compute());
        merged.reset();
        expect(merged.compute()).toEqual(createConfusionMatrix(4).compute());
      }),
    );
  });
});

describe("segmentation", () => {
  test.each(fixture.segmentation)(
    "agrees with scikit-learn on $maskClasses mask classes",
    ({ maskClasses, truths, predictions, expected }) => {
      const images = truths.map((truth, i) => ({ truth: Uint8Array.from(truth), predicted: Uint8Array.from(predictions[i]!) }));
      images.forEach(({ truth, predicted }, i) => {
        const counts = countOverlap(truth, predicted, maskClasses);
        expectClose(overImage(counts, dice), expected.dicePerImage[i]!);
        expectClose(overImage(counts, jaccard), expected.jaccardPerImage[i]!);
      });
      const scores = scoreOf(maskClasses, images).compute();
      expectClose(scores.dice, expected.dice);
      expectClose(scores.jaccard, expected.jaccard);
      scores.pooledDicePerClass.forEach((value, index) => expectClose(value, expected.pooledDicePerClass[index]!));
      expect(scores).toMatchObject({ images: 8, used: 7, skipped: 1, falseAlarms: 1 });
    },
  );

  test("both masks empty is skipped and counted, one empty is 0", () => {
    const empty = new Uint8Array(4);
    const full = Uint8Array.of(1, 1, 0, 0);
    const skipped = scoreOf(2, [{ truth: empty, predicted: empty }]).compute();
    expect(skipped).toMatchObject({ images: 1, used: 0, skipped: 1, falseAlarms: 0, dice: null, jaccard: null, pooledDice: null });
    expect(scoreOf(2, [{ truth: empty, predicted: full }]).compute()).toMatchObject({ used: 1, falseAlarms: 1, dice: 0, jaccard: 0 });
    expect(scoreOf(2, [{ truth: full, predicted: empty }]).compute()).toMatchObject({ used: 1, falseAlarms: 0, dice: 0, jaccard: 0 });
  });

  test("a class in neither mask does not lower the mean over classes", () => {
    const truth = Uint8Array.of(0, 1, 1, 0);
    expect(overImage(countOverlap(truth, truth, 3), dice)).toBe(1);
    expect(overImage(countOverlap(truth, Uint8Array.of(2, 1, 1, 0), 3), dice)).toBe(0.5);
  });

  test("no images give null, and masks that do not fit are refused", () => {
    expect(createSegmentationScore(2).compute()).toMatchObject({ images: 0, dice: null, jaccard: null, pooledDice: null });
    expect(() => countOverlap(new Uint8Array(3), new Uint8Array(4), 2)).toThrow(RangeError);
    expect(() => countOverlap(Uint8Array.of(2), Uint8Array.of(0), 2)).toThrow("mask class 2 is outside 0…1");
    expect(() => createSegmentationScore(2).merge(createSegmentationScore(3))).toThrow(RangeError);
  });

  test("folds merged are the folds pooled", () => {
    const mask = uint8Array({ minLength: 9, maxLength: 9, max: 2 });
    const images = array(record({ truth: mask, predicted: mask }), { maxLength: 6 });
    assert(
      property(images, images, (first, second) => {
        const merged = scoreOf(3, first);
        merged.merge(scoreOf(3, second));
        const { dice: mergedDice, jaccard: mergedJaccard, ...counts } = merged.compute();
        const { dice: pooledDice, jaccard: pooledJaccard, ...pooledCounts } = scoreOf(3, [...first, ...second]).compute();
        expect(counts).toEqual(pooledCounts);
        // Sums of fractions depend on their order in the last digit.
        expectClose(mergedDice, pooledDice);
        expectClose(mergedJaccard, pooledJaccard);
      }),
    );
  });
});
