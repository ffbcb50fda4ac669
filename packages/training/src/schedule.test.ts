import { readFileSync } from "node:fs";
import { trainSchema } from "@saphena/contracts";
import { describe, expect, it } from "vitest";
import { learningRateAt } from "./schedule.ts";

type Schedule = Parameters<typeof learningRateAt>[0];
interface Case {
  settings: Schedule;
  stepsPerEpoch: number;
  epochs: number;
  rates: number[];
}
const { schedules } = JSON.parse(readFileSync(new URL("../fixtures/schedule.json", import.meta.url), "utf8")) as { schedules: Case[] };
const defaults = trainSchema.parse({ optimizer: { learningRate: 0.1 } }).optimizer;

describe("the learning rate of every step is PyTorch's (../fixtures/schedule_fixture.py):", () => {
  it.each(schedules.map((one) => [JSON.stringify(one.settings), one] as const))("%s", (_, { settings, stepsPerEpoch, epochs, rates }) => {
    expect(rates).toHaveLength(stepsPerEpoch * epochs);
    rates.forEach((rate, step) => expect(learningRateAt(settings, step, stepsPerEpoch, epochs) / rate, `step ${step}`).toBeCloseTo(1, 10));
  });
});

describe("a schedule", () => {
  it("is, without settings of its own, poly to the last bit of its formula: old files give the same numbers", () => {
    for (let step = 0; step < 60; step++) expect(learningRateAt(defaults, step, 12, 5)).toBe(0.1 * (1 - step / 60) ** 0.9);
  });

  it("rises to the learning rate just when the warm-up ends, and never above it", () => {
    for (const schedule of ["poly", "cosine", "constant"] as const) {
      const rates = Array.from({ length: 40 }, (_, step) => learningRateAt({ ...defaults, schedule, warmupEpochs: 1.3 }, step, 10, 4));
      expect(rates.indexOf(Math.max(...rates))).toBe(13);
      expect(rates[13]).toBe(0.1);
      expect(rates.every((rate) => rate > 0)).toBe(true);
    }
  });

  it("of poly and cosine falls towards the least share", () => {
    const last = (schedule: Schedule["schedule"]) => learningRateAt({ ...defaults, schedule, minLearningRateShare: 0.2 }, 9_999, 100, 100);
    expect(last("poly")).toBeCloseTo(0.02, 4);
    expect(last("cosine")).toBeCloseTo(0.02, 8);
    expect(last("constant")).toBe(0.1);
  });
});
