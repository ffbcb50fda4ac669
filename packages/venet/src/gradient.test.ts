// Gradients against central differences of the loss itself, which know nothing of the layers' own derivatives.
import { describe, expect, it } from "vitest";
import { createNetwork, type Network } from "./network.ts";
import type { TensorRecord } from "./state.ts";
import { engine, randomBatch, smallConfig, training } from "./test-network.case.ts";

/** The loss is float32 (about 1e-7 relative), so the noise of a slope over this step is a few 1e-4. */
const STEP = 1e-3;

/**
 * How far `expected` lies outside the slopes of the loss to the left and to the right, along `direction` (of length 1) at one tensor.
 * The two are equal but for kinks: the loss has one wherever an activation passes 0.
 */
function slopeError(
  network: Network,
  lossOf: () => number,
  state: Map<string, TensorRecord>,
  name: string,
  direction: Float32Array,
  expected: number,
  here: number,
): number {
  const record = state.get(`model.${name}`) as TensorRecord;
  const lossAt = (offset: number): number => {
    const data = record.data.map((value, index) => value + offset * (direction[index] as number));
    network.importState(new Map([...state, [`model.${name}`, { shape: record.shape, data }]]));
    return lossOf();
  };
  const [before, after] = [lossAt(-STEP), lossAt(STEP)];
  const [left, right] = [(here - before) / STEP, (after - here) / STEP];
  return Math.max(0, Math.min(left, right) - expected, expected - Math.max(left, right));
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
    const lossOf = (): number => network.gradients(batch).losses.total;
    for (const [name, { data }] of gradients) {
      const length = Math.hypot(...data);
      const along = slopeError(
        network,
        lossOf,
        state,
        name,
        data.map((value) => value / length),
        length,
        losses.total,
      );
      expect(along / (0.1 + length), `${name}, along its gradient of length ${length}`).toBeLessThan(0.03);
      const strongest = [...data.keys()].sort((a, b) => Math.abs(data[b] as number) - Math.abs(data[a] as number)).slice(0, 1);
      for (const index of strongest) {
        const axis = data.map((_value, at) => (at === index ? 1 : 0));
        const single = slopeError(network, lossOf, state, name, axis, data[index] as number, losses.total);
        expect(single / (0.1 + Math.abs(data[index] as number)), `${name}[${index}], of gradient ${data[index]}`).toBeLessThan(0.03);
      }
    }
    network.dispose();
  });
});
