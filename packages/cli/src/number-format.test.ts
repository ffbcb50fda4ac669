import { describe, expect, it } from "vitest";
import { formatBytes, formatDuration, formatParameter, formatScore } from "./number-format.ts";

describe("numbers for people", () => {
  it("show a missing score as a dash, never as 0", () => {
    expect([formatScore(null), formatScore(undefined), formatScore(0), formatScore(0.81236)]).toEqual(["-", "-", "0.0000", "0.8124"]);
  });

  it("show parameters with four significant digits and whole numbers in full", () => {
    expect([0.01, 0.000316227, 16, 123456789, "sgd", true, 0.99].map(formatParameter)).toEqual([
      "0.01",
      "3.162e-4",
      "16",
      "123456789",
      "sgd",
      "true",
      "0.99",
    ]);
  });

  it("show durations in two units at most", () => {
    expect([0, 45, 100, 3600, 12_000, 187_200].map(formatDuration)).toEqual(["0 s", "45 s", "2 min", "60 min", "3 h 20 min", "2 d 4 h"]);
  });

  it("show sizes in steps of a thousand", () => {
    expect([0, 512, 3_400_000, 999_000_000].map(formatBytes)).toEqual(["0 B", "512 B", "3.4 MB", "999 MB"]);
  });
});
