import type { TrialRow } from "@saphena/contracts";
import { describe, expect, it } from "vitest";
import { leaderboard, ranked, shortNames } from "./leaderboard.ts";

const trial = (number: number, dice: number | null, changes: Partial<TrialRow> = {}): TrialRow => ({
  number,
  state: "completed",
  parameters: { "train.optimizer.learningRate": 0.0123456, "model.baseFilters": 8 },
  metrics: { dice, accuracy: 0.5 },
  folds: [
    { fold: 1, state: "completed", metrics: { dice: 0.7 } },
    { fold: 0, state: "running", metrics: {} },
  ],
  ...changes,
});

describe("the leaderboard", () => {
  const objective = { metric: "dice", goal: "maximize" } as const;

  it("ranks by the objective's goal; trials without a value come last, in order of number", () => {
    const trials = [trial(0, null), trial(1, 0.2), trial(2, 0.9), trial(3, 0.9), trial(4, 1, { state: "failed" })];
    expect(ranked(trials, objective).map(({ number }) => number)).toEqual([2, 3, 1, 0, 4]);
    expect(ranked(trials, { metric: "dice", goal: "minimize" }).map(({ number }) => number)).toEqual([1, 2, 3, 0, 4]);
  });

  it("shows means, folds in order and short parameter names", () => {
    expect(`\n${leaderboard([trial(0, 0.7)], objective, null).text}\n`).toBe(`
TRIAL  STATE        DICE  ACCURACY  DICE BY FOLD  learningRate  baseFilters
    0  completed  0.7000    0.5000  … 0.700            0.01235            8
`);
  });

  it("says which columns did not fit", () => {
    expect(leaderboard([trial(0, 0.7)], objective, 40).leftOut.length).toBeGreaterThan(0);
  });

  it("keeps as much of a path as tells it apart", () => {
    expect(shortNames(["model.depth", "train.loss.weight", "train.other.weight"])).toEqual(["depth", "loss.weight", "other.weight"]);
  });
});
