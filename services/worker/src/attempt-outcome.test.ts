import { describe, expect, it } from "vitest";
import { decideOutcome } from "./attempt-outcome.ts";
import type { AttemptFacts } from "./attempt-outcome.ts";

const exit = { code: 0, signal: null, stderrTail: "" };
const finished = {
  type: "finished",
  epochs: 1,
  metrics: {},
  files: [],
  trainSeconds: 1,
  imagesPerSecond: null,
  fingerprint: { engine: "e", tensorflowVersion: "1", deviceKind: "cpu", instructionSet: "x", threads: 1 },
  resumedFrom: [],
} as const;
const decide = (facts: Partial<AttemptFacts>) => decideOutcome({ last: null, exit, silentMs: null, asked: "nothing", ...facts });
const failed = (code: string): AttemptFacts["last"] => ({ type: "failed", code, message: "m" });

describe("the outcome of an attempt", () => {
  it("is a commit when the trainer finished, even while a stop was asked", () => {
    for (const asked of ["nothing", "cancel", "release"] as const)
      expect(decide({ last: { ...finished, files: [], resumedFrom: [] }, asked }).kind).toBe("commit");
  });
  it("is silence when another attempt has taken over, even after finishing", () => {
    expect(decide({ last: { ...finished, files: [], resumedFrom: [] }, asked: "abandon" })).toEqual({ kind: "abandon" });
  });
  it("is a release, counting no failure, when a stop was asked and the trainer had to be killed", () => {
    expect(decide({ asked: "release", exit: { ...exit, code: null, signal: "SIGKILL" } })).toMatchObject({
      kind: "end",
      reason: "released",
    });
  });
  it("tells what retrying cannot mend from what it can", () => {
    expect(decide({ last: failed("LOSS_NOT_FINITE") })).toMatchObject({ reason: "userError", code: "LOSS_NOT_FINITE" });
    expect(decide({ last: failed("OUT_OF_MEMORY") })).toMatchObject({ reason: "outOfMemory" });
    expect(decide({ last: failed("INTERNAL") })).toMatchObject({ reason: "crashed" });
    expect(decide({ last: failed("NOT_A_CODE") })).toMatchObject({ reason: "crashed" });
  });
  it("is a crash with the signal and the last lines of stderr when the trainer died without a word", () => {
    expect(decide({ exit: { code: null, signal: "SIGKILL", stderrTail: "boom" } })).toEqual({
      kind: "end",
      reason: "crashed",
      code: "TRAINER_CRASHED",
      message: "the trainer ended with signal SIGKILL:\nboom",
    });
  });
});
