import { describe, expect, it } from "vitest";
import { parseRunId, runId, jobId, sweepIdFrom, SWEEP_ID } from "./ids.ts";
import { datasetKeys, parseResultKey, runKeys, sweepKeys } from "./object-keys.ts";
import { redisKeys } from "./redis-keys.ts";

const run = { sweep: "swp_0123456789ab", trial: 12, fold: 3 };

describe("names", () => {
  it("are these, letter for letter", () => {
    expect(runKeys.result(run)).toBe("sweeps/swp_0123456789ab/trials/12/fold-3/result.json");
    expect(runKeys.attemptFile(run, 2, "checkpoint-7.safetensors")).toBe(
      "sweeps/swp_0123456789ab/trials/12/fold-3/attempt-2/checkpoint-7.safetensors",
    );
    expect(sweepKeys.logSegment(run.sweep, 1)).toBe("sweeps/swp_0123456789ab/log/00000001.jsonl");
    expect(datasetKeys.version("tones", 2)).toBe("datasets/tones/versions/2.json");
    expect(redisKeys("saphena").run("r")).toBe("{saphena}:run:r");
  });

  it("parse back to what they were made from", () => {
    expect(parseRunId(runId(run))).toEqual(run);
    expect(parseResultKey(runKeys.result(run))).toEqual(run);
    expect(parseRunId("swp_x-1-2")).toBeNull();
    expect(jobId(runId(run), 4)).toBe("swp_0123456789ab-12-3-4");
  });

  it("hold twelve characters of randomness in a sweep id", () => {
    expect(sweepIdFrom(new Uint8Array(12).fill(255))).toMatch(SWEEP_ID);
  });
});
