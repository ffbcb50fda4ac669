// Class weights, against PyTorch's CrossEntropyLoss (../fixtures/optimizer_fixture.py).
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Batch } from "./batch.ts";
import { classLoss, type ClassLossOptions } from "./class-loss.ts";
import { engine } from "./test-network.case.ts";

interface Fixture {
  logits: number[];
  labels: number[];
  classWeights: number[];
  cases: { weights: number[]; value: number; gradient: number[] }[];
}
const fixture = (JSON.parse(readFileSync(new URL("../fixtures/optimizer.json", import.meta.url), "utf8")) as { classLoss: Fixture })
  .classLoss;
const size = fixture.labels.length;
const unused = { images: new Float32Array(), masks: new Uint8Array(), hasMask: new Uint8Array(size) };

function lossOf(weights: readonly number[], labels: readonly number[], options: ClassLossOptions) {
  const batch: Batch = { size, labels: Int32Array.from(labels), weights: Float32Array.from(weights), ...unused };
  let result: { value: number; gradient: number[] } | null = null;
  engine.tidy(() => {
    const logits = engine.tensor(Float32Array.from(fixture.logits), [size, 3]);
    const loss = classLoss(engine, logits, batch, options);
    if (loss !== null) result = { value: engine.read(loss.value)[0]!, gradient: [...engine.read(loss.seeds[0]!.gradient)] };
  });
  return result as { value: number; gradient: number[] } | null;
}

it.each(fixture.cases)("class weights and sample weights $weights give PyTorch's loss and gradient", ({ weights, value, gradient }) => {
  const factor = 0.5;
  const loss = lossOf(weights, fixture.labels, { factor, classWeights: fixture.classWeights })!;
  expect(loss.value / value).toBeCloseTo(1, 5);
  gradient.forEach((expected, index) => expect(loss.gradient[index]).toBeCloseTo(factor * expected, 6));
});

it("class weights that are all alike change nothing, to the last bit", () => {
  const weights = fixture.cases[1]!.weights;
  const plain = lossOf(weights, fixture.labels, { factor: 1 });
  expect(lossOf(weights, fixture.labels, { factor: 1, classWeights: [1, 1, 1] })).toEqual(plain);
  expect(lossOf(weights, fixture.labels, { factor: 1, classWeights: [4, 4, 4] })!.value).toBeCloseTo(plain!.value, 6);
});

it("a batch of which every class has weight 0 has no classification loss", () => {
  const options = { factor: 1, classWeights: [1, 1, 0] };
  expect(lossOf([1, 1, 1, 1, 1, 1], [2, 2, -1, 2, 2, 2], options)).toBeNull();
});

it("class weights for another number of classes are refused", () => {
  expect(() => lossOf([1, 1, 1, 1, 1, 1], fixture.labels, { factor: 1, classWeights: [1, 1] })).toThrow(
    "2 class weights were given for 3 classes",
  );
});
