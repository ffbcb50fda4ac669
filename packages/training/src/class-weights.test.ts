import * as fc from "fast-check";
import { expect, it } from "vitest";
import { classWeightsOf } from "./class-weights.ts";

const packOf = (labels: readonly number[], weights: readonly number[] = labels.map(() => 1)) => ({
  labels: Int32Array.from(labels),
  weights: Float32Array.from(weights),
  labelNames: ["a", "b", "c"],
});
const all = (count: number): Int32Array => Int32Array.from({ length: count }, (_, index) => index);

it("balanced class weights are scikit-learn's n/(K·n_k) of the training part", () => {
  // compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 1, 2]) = [0.66666667, 1., 2.]
  expect(classWeightsOf("balanced", packOf([0, 0, 0, 1, 1, 2]), all(6))).toEqual([6 / 9, 1, 2]);
  expect(classWeightsOf("balanced", packOf([2, 0, 0, 1, 1, 2, 2, 2]), Int32Array.of(1, 2, 3, 0))).toEqual([4 / 6, 4 / 3, 4 / 3]);
});

it("images without a label do not count, and a grade that the training part lacks has weight 0", () => {
  expect(classWeightsOf("balanced", packOf([0, -1, -1, 2, 2]), all(5))).toEqual([3 / 2, 0, 3 / 4]);
  expect(classWeightsOf("balanced", packOf([-1, -1]), all(2))).toEqual([0, 0, 0]);
});

it("balanced gives every grade that is there the same weight in all, whatever the images' own weights", () => {
  const image = fc.record({ label: fc.integer({ min: -1, max: 2 }), weight: fc.constantFrom(0.25, 0.5, 1, 2) });
  fc.assert(
    fc.property(fc.array(image, { minLength: 1, maxLength: 60 }), (images) => {
      const [labels, weights] = [images.map(({ label }) => label), images.map(({ weight }) => weight)];
      const given = classWeightsOf("balanced", packOf(labels, weights), all(images.length))!;
      const masses = [0, 1, 2].map((grade) =>
        images.reduce((sum, { label, weight }) => sum + (label === grade ? weight * given[grade]! : 0), 0),
      );
      const present = masses.filter((mass) => mass > 0);
      for (const mass of present) expect(mass).toBeCloseTo(present[0]!, 9);
      expect(present).toHaveLength(new Set(labels.filter((label) => label !== -1)).size);
    }),
  );
});

it("none and numbers are taken as they are", () => {
  expect(classWeightsOf("none", packOf([0]), all(1))).toBeUndefined();
  expect(classWeightsOf([1, 0, 3], packOf([0]), all(1))).toEqual([1, 0, 3]);
});
