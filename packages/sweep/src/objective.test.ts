import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import { parseSweepFile } from "@saphena/contracts";
import type { SweepFile } from "@saphena/contracts";
import { assertObjectivePossible, effectiveHeads, isBetter, trialValue } from "./objective.ts";
import { runSeed } from "./seed.ts";

const both = { labels: ["a", "b"], maskClasses: 2 };
const noMasks = { labels: ["a", "b"], maskClasses: 0 };
const noLabels = { labels: [], maskClasses: 2 };
const spec = (more: Partial<SweepFile>) => parseSweepFile({ name: "n", dataset: "d", budget: { trials: 1 }, ...more });

describe("effective heads", () => {
  it("drop the head the dataset cannot supply", () => {
    expect(effectiveHeads("both", both)).toBe("both");
    expect(effectiveHeads("both", noMasks)).toBe("classification");
    expect(effectiveHeads("both", noLabels)).toBe("segmentation");
    expect(effectiveHeads("segmentation", both)).toBe("segmentation");
  });

  it("are refused when none is left", () => {
    expect(() => effectiveHeads("segmentation", noMasks)).toThrow(/model.heads is segmentation and the dataset has no masks/);
    expect(() => effectiveHeads("both", { labels: ["only"], maskClasses: 0 })).toThrow(/neither masks nor two labels/);
  });
});

describe("the objective", () => {
  it("is refused at submit when the dataset or the heads cannot supply it", () => {
    expect(() => assertObjectivePossible(spec({}), noMasks)).toThrow(/dice needs the segmentation head, and the dataset has no masks/);
    expect(() => assertObjectivePossible(spec({ objective: { metric: "score" } }), noLabels)).toThrow(
      /score needs the classification head/,
    );
    expect(() => assertObjectivePossible(spec({ model: { heads: "classification" } }), both)).toThrow(/model.heads is classification/);
    expect(() => assertObjectivePossible(spec({ objective: { metric: "accuracy" } }), noMasks)).not.toThrow();
    expect(() => assertObjectivePossible(spec({}), both)).not.toThrow();
  });

  it("is checked for every value of searched heads", () => {
    const searched = spec({ parameters: { "model.heads": { type: "categorical", values: ["both", "classification"] } } });
    expect(() => assertObjectivePossible(searched, both)).toThrow(/model.heads is classification/);
  });

  it("is the mean over folds that have data, and null when none has", () => {
    const dice = { metric: "dice", goal: "maximize" } as const;
    expect(trialValue([{ dice: 0.5 }, { dice: 0.75 }], dice)).toBe(0.625);
    expect(trialValue([{ dice: 0.5 }, { dice: null }, null], dice)).toBe(0.5);
    expect(trialValue([{ dice: null }], dice)).toBeNull();
  });
});

describe("the best trial", () => {
  it("is the same in whatever order trials end", () => {
    const trial = fc.record({ trial: fc.nat(20), value: fc.constantFrom(0.1, 0.2, 0.3) });
    fc.assert(
      fc.property(
        fc.uniqueArray(trial, { selector: (one) => one.trial, minLength: 1 }),
        fc.constantFrom("maximize" as const, "minimize" as const),
        (trials, goal) => {
          const best = (list: typeof trials) => list.reduce((held, one) => (isBetter(one, held, goal) ? one : held));
          expect(best(trials.toReversed())).toEqual(best(trials));
        },
      ),
    );
  });
});

describe("the seed of a run", () => {
  it("depends on the train seed and the fold alone, and never changes between versions", () => {
    expect([0, 1, 2].map((fold) => runSeed(1, fold))).toMatchInlineSnapshot(`
      [
        1542205614,
        934901777,
        2573387315,
      ]
    `);
    expect(runSeed(2, 0)).not.toBe(runSeed(1, 0));
  });

  it("is an unsigned 32-bit integer", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(99), (seed, fold) => {
        expect(runSeed(seed, fold) >>> 0).toBe(runSeed(seed, fold));
      }),
    );
  });
});
