import { describe, expect, it } from "vitest";
import type { SweepStatus, TrialRow } from "@saphena/contracts";
import { rankTrials } from "./leaderboard.tsx";
import { growCurves, isBehind, mergeCurves } from "./sweep-live.ts";

const trial = (number: number, state: TrialRow["state"], dice: number | null): TrialRow => ({
  number,
  state,
  parameters: {},
  metrics: { dice },
  folds: [],
});
const numbers = (rows: TrialRow[]): number[] => rows.map(({ number }) => number);

describe("the leaderboard", () => {
  const rows = [
    trial(0, "failed", null),
    trial(1, "running", 0.99),
    trial(2, "completed", 0.5),
    trial(3, "completed", 0.9),
    trial(4, "completed", null),
  ];
  it("puts completed trials first, the best on top, those without a value after them", () => {
    expect(numbers(rankTrials(rows, { metric: "dice", goal: "maximize" }))).toEqual([3, 2, 4, 1, 0]);
    expect(numbers(rankTrials(rows, { metric: "dice", goal: "minimize" }))).toEqual([2, 3, 4, 1, 0]);
  });
});

describe("live curves", () => {
  it("grow by one point a run and epoch, however often it is told", () => {
    const point = { trial: 1, fold: 0, points: { epoch: 2, values: { dice: 0.5 } } };
    const once = growCurves([{ trial: 1, fold: 0, name: "dice", epochs: [1], values: [0.4] }], "dice", point);
    expect(once).toEqual([{ trial: 1, fold: 0, name: "dice", epochs: [1, 2], values: [0.4, 0.5] }]);
    expect(growCurves(once, "dice", point)).toEqual(once);
    expect(growCurves(once, "lossTotal", point)).toEqual(once);
  });

  it("know what was read and what was told meanwhile, in order of epochs, and what was read where both know", () => {
    const read = [{ trial: 0, fold: 0, name: "dice", epochs: [1, 2], values: [0.1, 0.2] }];
    const told = [
      { trial: 0, fold: 0, name: "dice", epochs: [3, 2], values: [0.3, 9] },
      { trial: 0, fold: 1, name: "dice", epochs: [1], values: [0.5] },
    ];
    expect(mergeCurves(read, told)).toEqual([
      { trial: 0, fold: 0, name: "dice", epochs: [1, 2, 3], values: [0.1, 0.2, 0.3] },
      { trial: 0, fold: 1, name: "dice", epochs: [1], values: [0.5] },
    ]);
  });
});

describe("a table that was read", () => {
  it("is behind while it lacks final trials that the status counts", () => {
    const counts = { completed: 1, failed: 1, pruned: 0, cancelled: 0 };
    const status = { trials: counts } as SweepStatus;
    expect(isBehind(status, [trial(0, "completed", 0.5), trial(1, "running", null)])).toBe(true);
    expect(isBehind(status, [trial(0, "completed", 0.5), trial(1, "failed", null), trial(2, "completed", 1)])).toBe(false);
  });
});
