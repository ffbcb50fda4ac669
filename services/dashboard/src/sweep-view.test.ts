import { describe, expect, it } from "vitest";
import type { TrialRow } from "@saphena/contracts";
import { rankTrials } from "./leaderboard.tsx";
import { growCurves } from "./sweep-live.ts";

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
});
