import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRuns, encodeRuns } from "./run-length.ts";

describe("run lengths of a mask", () => {
  it("give the mask back, whatever it holds", () => {
    expect(encodeRuns(Uint8Array.of(0, 0, 1, 1, 1, 0))).toBe("0:2 1:3 0:1");
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 30 }))), (runs) => {
        const mask = Uint8Array.from(runs.flatMap(([value, length]) => Array.from({ length }, () => value)));
        expect(decodeRuns(encodeRuns(mask), mask.length)).toEqual(mask);
      }),
    );
  });

  it("refuse text that is no code of so many pixels", () => {
    for (const text of ["0:2", "0:7", "0:3 1:4", "256:6", "0:-6", "0:6 ", "6", "x"]) expect(() => decodeRuns(text, 6)).toThrow(RangeError);
  });
});
