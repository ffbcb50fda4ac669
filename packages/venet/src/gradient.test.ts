// Gradients against central differences of the loss itself, which know nothing of the layers' own derivatives.
import { describe, expect, it } from "vitest";
import { createNetwork } from "./network.ts";
import type { TensorRecord } from "./state.ts";
import { engine, randomBatch, smallConfig, training } from "./test-network.case.ts";

/** The loss is float32 (about 1e-7 relative), so the noise of a slope over this step is a few 1e-4. */
const STEP = 1e-3;

interface Probe {
  direction: Float32Array;
  /** The gradient along the direction. */
  expected: number;
}

/**
 * How far `expected` lies outside the slopes of the loss to the left and to the right, along a direction of length 1 at one tensor.
 * The two are equal but for kinks: the loss has one wherever an activation passes 0.
 */
function slopeError({ direction, expected }: Probe, values: Float32Array, here: number, lossAt: (values: Float32Array) => number): number {
  const moved = (offset: number): number => lossAt(values.map((value, index) => value + offset * (direction[index] as number)));
  const [left, right] = [(here - moved(-STEP)) / STEP, (moved(STEP) - here) / STEP];
  return Math.max(0, Math.min(left, right) - expected, expected - Math.max(left, right));
}

/** Along the whole gradient of a tensor, and along the axis of its strongest value. */
function probesOf(gradient: Float32Array): Probe[] {
  const length = Math.hypot(...gradient);
  const strongest = gradient.reduce((best, value, index) => (Math.abs(value) > Math.abs(gradient[best] as number) ? index : best), 0);
  return [
    { direction: gradient.map((value) => value / length), expected: length },
    { direction: gradient.map((_value, index) => (index === strongest ? 1 : 0)), expected: gradient[strongest] as number },
  ];
}

describe.each([
  ["both heads, two mask classes, deep supervision", smallConfig(), training(), 4],
  [
    "both heads, four mask classes, depth 2, final level only",
    smallConfig({ depth: 2, maskClasses: 4 }),
    training({ deepSupervision: false }),
    3,
  ],
  ["segmentation alone", smallConfig({ heads: "segmentation", maskClasses: 3 }), training(), 4],
  ["classification alone", smallConfig({ heads: "classification" }), training({ classWeight: 1 }), 4],
])("the gradient of %s", (_, config, settings, size) => {
  it("is the slope of the loss: along itself, and at the strongest value of every parameter", () => {
    const network = createNetwork(engine, config, settings, 3);
    const batch = randomBatch(config, size);
    // One sample without a mask, one without a label, and unequal weights: the terms that are left out must have no slope either.
    batch.hasMask[1] = 0;
    batch.labels[2] = -1;
    batch.weights.set([1, 0.5]);
    const state = network.exportState();
    const { losses, gradients } = network.gradients(batch);
    for (const [name, { data, shape }] of gradients) {
      const { data: values } = state.get(`model.${name}`) as TensorRecord;
      const lossAt = (changed: Float32Array): number => {
        network.importState(new Map([...state, [`model.${name}`, { shape, data: changed }]]));
        return network.gradients(batch).losses.total;
      };
      for (const probe of probesOf(data)) {
        const error = slopeError(probe, values, losses.total, lossAt);
        expect(error / (0.1 + Math.abs(probe.expected)), `${name}, gradient ${probe.expected}`).toBeLessThan(0.03);
      }
    }
    network.dispose();
  });
});
