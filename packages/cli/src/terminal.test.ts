import { describe, expect, it } from "vitest";
import { clip, wrapped } from "./terminal.ts";

describe("text on a terminal", () => {
  it("is broken between words, and continued below the last column", () => {
    expect(wrapped("one two three", 8)).toBe("one two\nthree");
    expect(wrapped("ok  engine  TensorFlow in /a/long/folder", 26)).toBe("ok  engine  TensorFlow in\n            /a/long/folder");
    expect(wrapped("  --out DIR    the folder of the results", 30)).toBe("  --out DIR    the folder of\n               the results");
    expect(wrapped("short\n\nhint: two words", 12)).toBe("short\n\nhint: two\nwords");
  });

  it("loses no word, counts no colour, and leaves a word alone that is longer than the line", () => {
    const text = "error: a/path/that/is/longer/than/the/line and \u001B[31mred\u001B[39m words";
    const lines = wrapped(text, 20).split("\n");
    expect(lines.join(" ")).toBe(text);
    expect(lines).toEqual(["error:", "a/path/that/is/longer/than/the/line", "and \u001B[31mred\u001B[39m words"]);
    expect(wrapped("\u001B[31m12345678\u001B[39m", 8)).toBe("\u001B[31m12345678\u001B[39m");
  });

  it("is cut where a row must stay one row", () => {
    expect(clip("12345", 5)).toBe("12345");
    expect(clip("123456", 5)).toBe("1234…");
  });
});
