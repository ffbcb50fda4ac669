import { describe, expect, it } from "vitest";
import * as fc from "fast-check";
import type { Parameter, Parameters, SamplerConfig, SearchSpace } from "@saphena/contracts";
import { gridValues, valueAt } from "../space.ts";
import { gridSize } from "./grid.ts";
import { suggest, suggestionCount } from "./suggest.ts";

const random: SamplerConfig = { type: "random", seed: 1 };
const grid: SamplerConfig = { type: "grid", seed: 1 };
const float = (min: number, max: number, more: { log?: boolean; step?: number } = {}): Parameter => ({
  type: "float",
  min,
  max,
  log: false,
  ...more,
});
const int = (min: number, max: number, more: { log?: boolean; step?: number } = {}): Parameter => ({
  type: "int",
  min,
  max,
  log: false,
  step: 1,
  ...more,
});

function parametersOf(space: SearchSpace, sampler: SamplerConfig, number: number): Parameters {
  const suggestion = suggest({ space, sampler, number, history: [] });
  if (suggestion.kind === "exhausted") throw new Error(`suggestion ${number} is exhausted`);
  return suggestion.parameters;
}

describe("random sampler", () => {
  const space: SearchSpace = {
    "train.optimizer.learningRate": float(1e-4, 1e-1, { log: true }),
    "model.depth": int(2, 5),
    "train.augment": { type: "categorical", values: ["default", "none"] },
  };

  it("gives the same suggestion for the same seed and number, whatever was asked before", () => {
    const forwards = [0, 1, 2, 3].map((n) => parametersOf(space, random, n));
    const backwards = [3, 2, 1, 0].map((n) => parametersOf(space, random, n)).reverse();
    expect(backwards).toEqual(forwards);
    expect(parametersOf(space, { ...random, seed: 2 }, 0)).not.toEqual(forwards[0]);
  });

  it("keeps its numbers for ever: a changed draw would change every published sweep", () => {
    expect(parametersOf(space, random, 0)).toMatchInlineSnapshot(`
      {
        "model.depth": 5,
        "train.augment": "default",
        "train.optimizer.learningRate": 0.00029901976607648906,
      }
    `);
    expect(parametersOf(space, random, 1)).toMatchInlineSnapshot(`
      {
        "model.depth": 5,
        "train.augment": "none",
        "train.optimizer.learningRate": 0.09696524194342217,
      }
    `);
  });

  it("does not shift other parameters when one is added, removed or moved in the file", () => {
    const { "model.depth": _depth, ...fewer } = space;
    const moved = Object.fromEntries(Object.entries(space).reverse());
    for (let n = 0; n < 20; n++) {
      const all = parametersOf(space, random, n);
      expect(all).toMatchObject(parametersOf(fewer, random, n));
      expect(parametersOf(moved, random, n)).toEqual(all);
    }
  });

  it("is uniform in the logarithm for a log range", () => {
    const rates = Array.from({ length: 3000 }, (_, n) => parametersOf(space, random, n)["train.optimizer.learningRate"] as number);
    const perDecade = [1e-4, 1e-3, 1e-2].map((low) => rates.filter((rate) => rate >= low && rate < low * 10).length);
    for (const count of perDecade) expect(count).toBeGreaterThan(850);
  });

  it("never ends", () => {
    expect(suggestionCount(space, random)).toBeNull();
    expect(suggest({ space: {}, sampler: random, number: 1_000_000, history: [] })).toEqual({ kind: "suggestion", parameters: {} });
  });
});

describe("the values of a parameter", () => {
  const point = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

  it("stay within their bounds and on their steps", () => {
    fc.assert(
      fc.property(
        point,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        (u, min, width, step, log) => {
          const value = valueAt(int(min, min + width, { step, log }), u) as number;
          expect(value).toBeGreaterThanOrEqual(min);
          expect(value).toBeLessThanOrEqual(min + width);
          expect((value - min) % step).toBe(0);
        },
      ),
    );
    fc.assert(
      fc.property(
        point,
        fc.double({ min: 1e-6, max: 10, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.boolean(),
        (u, min, width, log) => {
          const value = valueAt(float(min, min + width, { log }), u) as number;
          expect(value).toBeGreaterThanOrEqual(min);
          expect(value).toBeLessThanOrEqual(min + width);
        },
      ),
    );
  });

  it("write a step in round numbers", () => {
    expect(gridValues(float(0.1, 0.5, { step: 0.1 }))).toEqual([0.1, 0.2, 0.3, 0.4, 0.5]);
    expect(valueAt(float(0.1, 0.5, { step: 0.1 }), 0.999)).toBe(0.5);
  });

  it("reach every integer of a short range, in log scale too", () => {
    for (const log of [false, true]) {
      const seen = new Set(Array.from({ length: 400 }, (_, i) => valueAt(int(2, 6, { log }), i / 400)));
      expect(seen).toEqual(new Set([2, 3, 4, 5, 6]));
    }
  });
});

describe("grid sampler", () => {
  const space: SearchSpace = {
    "model.depth": int(2, 4),
    "model.baseFilters": int(8, 40, { log: true }),
    "train.augment": { type: "categorical", values: ["default", "none"] },
  };

  it("takes parameters in file order, the last one changing fastest", () => {
    const rows = Array.from({ length: 7 }, (_, n) => Object.values(parametersOf(space, grid, n)));
    expect(rows).toEqual([
      [2, 8, "default"],
      [2, 8, "none"],
      [2, 16, "default"],
      [2, 16, "none"],
      [2, 32, "default"],
      [2, 32, "none"],
      [3, 8, "default"],
    ]);
  });

  it("visits every combination once and is then exhausted", () => {
    const size = gridSize(space);
    expect(size).toBe(18);
    expect(suggestionCount(space, grid)).toBe(18);
    const all = Array.from({ length: size }, (_, n) => JSON.stringify(parametersOf(space, grid, n)));
    expect(new Set(all).size).toBe(size);
    expect(suggest({ space, sampler: grid, number: size, history: [] })).toEqual({ kind: "exhausted" });
  });

  it("has one trial for an empty space", () => {
    expect(parametersOf({}, grid, 0)).toEqual({});
    expect(suggest({ space: {}, sampler: grid, number: 1, history: [] })).toEqual({ kind: "exhausted" });
  });
});
