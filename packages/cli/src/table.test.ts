import { array, assert, constantFrom, integer, option, property, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { fitColumns, renderTable, type Column } from "./table.ts";

const columns: Column[] = [
  { title: "SWEEP" },
  { title: "NAME", shrinkTo: 6 },
  { title: "N", align: "right" },
  { title: "NOTE", leaveOut: 1, shrinkTo: 4 },
];
const rows = [
  ["swp_1", "a-rather-long-name", "7", "fine"],
  ["swp_22", "short", "1234", "a long remark"],
];

describe("tables", () => {
  it("take what they need where the width is free, numbers to the right", () => {
    expect(`\n${renderTable(columns, rows, null).text}\n`).toBe(`
SWEEP   NAME                   N  NOTE
swp_1   a-rather-long-name     7  fine
swp_22  short               1234  a long remark
`);
  });

  it("shrink text, then leave columns out and name them, but never cut a number", () => {
    const narrow = renderTable(columns, rows, 36);
    expect(Math.max(...narrow.text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(36);
    expect(narrow.text).toContain("…");
    const tight = renderTable(columns, rows, 21);
    expect(tight.leftOut).toEqual(["NOTE"]);
    expect(tight.text).toContain("1234");
  });

  it("fit every width that their narrowest form fits, and never widen a column", () => {
    const column = record({
      title: constantFrom("A", "LONGER"),
      shrinkTo: option(integer({ min: 1, max: 8 }), { nil: undefined }),
      leaveOut: option(integer({ min: 1, max: 3 }), { nil: undefined }),
    });
    assert(
      property(
        array(record({ column, natural: integer({ min: 1, max: 30 }) }), { minLength: 1, maxLength: 8 }),
        integer({ min: 5, max: 120 }),
        (table, width) => {
          const given = table.map(({ column: { title, shrinkTo, leaveOut } }): Column => ({
            title,
            ...(shrinkTo === undefined ? {} : { shrinkTo }),
            ...(leaveOut === undefined ? {} : { leaveOut }),
          }));
          const natural = table.map((entry) => entry.natural);
          const shown = fitColumns(given, natural, width);
          const total = shown.reduce((sum, { width: own }) => sum + own + 2, -2);
          const fixed = given.flatMap((entry, index) =>
            entry.leaveOut === undefined ? [Math.min(natural[index]!, entry.shrinkTo ?? Infinity)] : [],
          );
          const narrowest = fixed.reduce((sum, own) => sum + own + 2, -2);
          expect(narrowest > width || total <= width).toBe(true);
          for (const { index, width: own } of shown) expect(own).toBeLessThanOrEqual(natural[index]!);
          const mandatory = given.flatMap((entry, index) => (entry.leaveOut === undefined ? [index] : []));
          expect(shown.map(({ index }) => index)).toEqual(expect.arrayContaining(mandatory));
        },
      ),
    );
  });
});
