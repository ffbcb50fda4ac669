import { join, relative, sep } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkKey, checkPrefix, UNFINISHED_FOLDER } from "./object-key.ts";

const accepts = (check: (key: string) => void, key: string): boolean => {
  try {
    check(key);
    return true;
  } catch {
    return false;
  }
};

describe("object keys", () => {
  const segment = fc.oneof(fc.constantFrom(".", "..", "", "a", "a.b", "\\", "..a", "~", " "), fc.string({ unit: "binary", maxLength: 6 }));
  const candidate = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join("/"));

  it("that are accepted name a place inside the folder, one place each", () => {
    const folder = join(sep, "store");
    fc.assert(
      fc.property(candidate, (key) => {
        fc.pre(accepts(checkKey, key));
        expect(relative(folder, join(folder, ...key.split("/")))).toBe(key.split("/").join(sep));
      }),
    );
  });

  it("that are accepted have only prefixes that are accepted", () => {
    fc.assert(
      fc.property(candidate, fc.nat(), (key, cut) => {
        fc.pre(accepts(checkKey, key));
        const prefix = [...key].slice(0, cut % ([...key].length + 1)).join("");
        expect(accepts(checkPrefix, prefix)).toBe(true);
      }),
    );
  });

  it("cannot name the folder of unfinished files", () => {
    expect(accepts(checkKey, `${UNFINISHED_FOLDER}/x`)).toBe(false);
    expect(accepts(checkKey, UNFINISHED_FOLDER)).toBe(false);
    expect(accepts(checkKey, `a/${UNFINISHED_FOLDER}`)).toBe(true);
  });
});
