import { describe, expect, it } from "vitest";
import { parseList, parseMaskClasses, parseMerge } from "./dataset-flags.ts";

describe("flags of an import", () => {
  it("list labels in order and refuse slips", () => {
    expect(parseList("mild, moderate,severe", "--labels")).toEqual(["mild", "moderate", "severe"]);
    expect(() => parseList("a,,b", "--labels")).toThrow("empty entry");
    expect(() => parseList("a,b,a", "--labels")).toThrow('"a" twice');
  });

  it("merge labels pair by pair", () => {
    expect(parseMerge(["C5=C6", "a=b=c"])).toEqual({ C5: "C6", a: "b=c" });
    expect(() => parseMerge(["C5"])).toThrow("old=new");
    expect(() => parseMerge(["C5=a", "C5=b"])).toThrow('"C5" twice');
  });

  it("name mask classes by pixel value", () => {
    expect(parseMaskClasses(undefined)).toBeNull();
    expect(parseMaskClasses("lesion=128,ulcer=255")).toEqual([
      { name: "lesion", value: 128 },
      { name: "ulcer", value: 255 },
    ]);
    expect(() => parseMaskClasses("lesion=0")).toThrow("1 to 255");
    expect(() => parseMaskClasses("a=1,b=1")).toThrow("value twice");
  });
});
