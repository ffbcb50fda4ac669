import { describe, expect, it } from "vitest";
import { matchReference } from "./sweep-reference.ts";

const sweeps = [
  { id: "swp_aaaaaaaaaaaa", name: "tones", submittedAtMs: 1 },
  { id: "swp_aabbbbbbbbbb", name: "tones", submittedAtMs: 3 },
  { id: "swp_cccccccccccc", name: "legs", submittedAtMs: 2 },
];

describe("what a user may write for SWEEP", () => {
  it("is the beginning of an id, with or without swp_, when it fits one sweep", () => {
    expect(matchReference("swp_c", sweeps)).toEqual({ type: "one", id: "swp_cccccccccccc" });
    expect(matchReference("aab", sweeps)).toEqual({ type: "one", id: "swp_aabbbbbbbbbb" });
    expect(matchReference("aa", sweeps)).toMatchObject({ type: "several" });
  });

  it("is a name that only one sweep has; none is guessed", () => {
    expect(matchReference("legs", sweeps)).toEqual({ type: "one", id: "swp_cccccccccccc" });
    expect(matchReference("tones", sweeps)).toMatchObject({ type: "several", ids: ["swp_aaaaaaaaaaaa", "swp_aabbbbbbbbbb"] });
    expect(matchReference("nothing", sweeps)).toEqual({ type: "none" });
    expect(matchReference("", sweeps)).toEqual({ type: "none" });
  });

  it("is `latest`", () => {
    expect(matchReference("latest", sweeps)).toEqual({ type: "one", id: "swp_aabbbbbbbbbb" });
    expect(matchReference("latest", [])).toEqual({ type: "none" });
  });
});
