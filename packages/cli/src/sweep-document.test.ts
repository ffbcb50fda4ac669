import { describe, expect, it } from "vitest";
import { parseText } from "./sweep-document.ts";

describe("reading a sweep file", () => {
  it("takes YAML and JSON alike", () => {
    expect(parseText("name: a\nbudget: { trials: 3 }", "a.yaml")).toEqual({ name: "a", budget: { trials: 3 } });
    expect(parseText('{ "name": "a", "learningRate": 1e-4 }', "a.json")).toEqual({ name: "a", learningRate: 1e-4 });
  });

  it("names the line of a mistake, also of a key given twice", () => {
    expect(() => parseText("name: a\nbudget: {trials: 3\nmodel: x", "a.yaml")).toThrow(/SWEEP|a\.yaml, line [23], column/);
    expect(() => parseText("name: a\nname: b", "a.yaml")).toThrow(/a\.yaml, line 2, column 1: .*unique/);
    expect(() => parseText('{\n  "name": "a",\n  "dataset" "b"\n}', "a.json")).toThrow("a.json, line 3");
  });

  it("refuses a file that would unfold into gigabytes", () => {
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x]",
      ..."bcdefgh".split("").map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(",")}]`),
    ].join("\n");
    expect(() => parseText(bomb, "bomb.yaml")).toThrow("bomb.yaml");
  });
});
