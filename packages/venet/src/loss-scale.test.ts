import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideStep, FIRST_LOSS_SCALE, HIGHEST_SCALE, LOWEST_SCALE, STEPS_TO_DOUBLE, type LossScale } from "./loss-scale.ts";

/** The scale after steps whose gradients were finite or not, and how many of them were applied; null once it is exhausted. */
function after(start: LossScale, steps: readonly boolean[]): { state: LossScale; applied: number } | null {
  let state = start;
  let applied = 0;
  for (const finite of steps) {
    const decision = decideStep(state, finite);
    if (decision.type === "exhausted") return null;
    if (decision.type === "applied") applied++;
    state = decision.next;
  }
  return { state, applied };
}

const times = (count: number, finite: boolean): boolean[] => Array.from({ length: count }, () => finite);

describe("the loss scale", () => {
  it("begins at 65536", () => expect(FIRST_LOSS_SCALE).toEqual({ scale: 65536, goodSteps: 0 }));

  it("is halved by a gradient that is not finite, and the step is skipped", () => {
    expect(decideStep({ scale: 1024, goodSteps: 7 }, false)).toEqual({ type: "skipped", next: { scale: 512, goodSteps: 0 } });
  });

  it("counts good steps, and is doubled after 2000 in a row", () => {
    expect(STEPS_TO_DOUBLE).toBe(2000);
    expect(decideStep({ scale: 1024, goodSteps: 7 }, true)).toEqual({ type: "applied", next: { scale: 1024, goodSteps: 8 } });
    expect(after({ scale: 1024, goodSteps: 0 }, times(1999, true))?.state).toEqual({ scale: 1024, goodSteps: 1999 });
    expect(after({ scale: 1024, goodSteps: 0 }, times(2000, true))?.state).toEqual({ scale: 2048, goodSteps: 0 });
  });

  it("counts anew after a skipped step", () => {
    const steps = [...times(1999, true), false, ...times(1999, true)];
    expect(after({ scale: 1024, goodSteps: 0 }, steps)).toEqual({ state: { scale: 512, goodSteps: 1999 }, applied: 3998 });
  });

  it("gives up after 16 halvings in a row from the start, because gradients without a scale are not finite either", () => {
    expect(after(FIRST_LOSS_SCALE, times(16, false))).toEqual({ state: { scale: LOWEST_SCALE, goodSteps: 0 }, applied: 0 });
    expect(decideStep({ scale: LOWEST_SCALE, goodSteps: 5 }, false)).toEqual({ type: "exhausted" });
  });

  it("stays a power of two within its limits, whatever happens", () => {
    const state = fc.record({ scale: fc.integer({ min: 0, max: 24 }).map((power) => 2 ** power), goodSteps: fc.nat(STEPS_TO_DOUBLE - 1) });
    fc.assert(
      fc.property(state, fc.array(fc.boolean(), { maxLength: 100 }), (start, steps) => {
        const end = after(start, steps);
        if (end === null) return;
        const { scale, goodSteps } = end.state;
        expect(Number.isInteger(Math.log2(scale))).toBe(true);
        expect(scale).toBeGreaterThanOrEqual(LOWEST_SCALE);
        expect(scale).toBeLessThanOrEqual(HIGHEST_SCALE);
        expect(goodSteps).toBeLessThan(STEPS_TO_DOUBLE);
        expect(end.applied).toBe(steps.filter(Boolean).length);
      }),
    );
  });

  it("gives up only at its lowest, and then always", () => {
    const state = fc.record({ scale: fc.integer({ min: 0, max: 24 }).map((power) => 2 ** power), goodSteps: fc.nat(STEPS_TO_DOUBLE - 1) });
    fc.assert(fc.property(state, (start) => (decideStep(start, false).type === "exhausted") === (start.scale === LOWEST_SCALE)));
  });
});
