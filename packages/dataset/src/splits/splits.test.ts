import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SaphenaError } from "@saphena/contracts";
import type { CvConfig, ManifestRow, Splits } from "@saphena/contracts";
import { sha256 } from "../canonical-json.ts";
import { shuffle } from "../random.ts";
import { assertNoLeak, foldAt } from "./leak.ts";
import { computeSplits, splitsHash } from "./splits.ts";

const HASH = sha256("dataset");
const CV: CvConfig = { folds: 5, stratify: "label", groupBy: "group", seed: 12345, validationShare: 0.2 };

function row(id: string, group: string, label: string | null, options: { content?: string; source?: string } = {}): ManifestRow {
  const image = { sha256: sha256(options.content ?? id), sizeBytes: 1, width: 1, height: 1, format: "png" as const };
  return { id, image, mask: null, label, group, source: options.source ?? null, weight: 1 };
}

/** Rows of groups of 1-6 images with labels a-d or none, 5 groups at least. */
const table = fc
  .array(fc.array(fc.constantFrom("a", "b", "c", "d", null), { minLength: 1, maxLength: 6 }), { minLength: 5, maxLength: 40 })
  .map((groups) => groups.flatMap((labels, g) => labels.map((label, i) => row(`${g}-${i}`, `g${g}`, label))));
const LABELS = ["a", "b", "c", "d"];
const errorCode = (act: () => unknown): string | null => {
  try {
    act();
    return null;
  } catch (error) {
    return SaphenaError.from(error).code;
  }
};

describe("k folds", () => {
  it("never share a group and validate every image exactly once", () => {
    fc.assert(
      fc.property(
        table,
        fc.integer({ min: 2, max: 5 }),
        fc.nat(),
        fc.constantFrom("label" as const, "none" as const),
        (rows, folds, seed, stratify) => {
          const { splits } = computeSplits(rows, LABELS, { ...CV, folds, seed, stratify }, HASH);
          expect(splits.folds).toHaveLength(folds);
          expect(splits.folds.flatMap((fold) => fold.validation).sort()).toEqual(rows.map(({ id }) => id).sort());
          const groupOf = new Map(rows.map(({ id, group }) => [id, group]));
          for (const fold of splits.folds) {
            const trained = new Set(fold.train.map((id) => groupOf.get(id)));
            expect(fold.validation.filter((id) => trained.has(groupOf.get(id)))).toEqual([]);
            expect(fold.train.length + fold.validation.length).toBe(rows.length);
          }
          assertNoLeak(splits, rows);
        },
      ),
    );
  });

  it("differ in size by no more than the largest group when nothing is stratified", () => {
    fc.assert(
      fc.property(table, fc.integer({ min: 2, max: 5 }), fc.nat(), (rows, folds, seed) => {
        const { splits } = computeSplits(rows, LABELS, { ...CV, folds, seed, stratify: "none" }, HASH);
        const sizes = splits.folds.map((fold) => fold.validation.length);
        const largest = Math.max(...new Set(rows.map(({ group }) => rows.filter((other) => other.group === group).length)));
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(largest);
      }),
    );
  });

  it("do not depend on the order of the rows, and do depend on the seed", () => {
    fc.assert(
      fc.property(table, fc.nat(), (rows, seed) => {
        const straight = computeSplits(rows, LABELS, { ...CV, folds: 3, seed }, HASH).splits;
        const shuffled = computeSplits(shuffle([...rows], seed), LABELS, { ...CV, folds: 3, seed }, HASH).splits;
        expect(shuffled).toEqual(straight);
      }),
    );
    const rows = Array.from({ length: 60 }, (_, i) => row(`i${i}`, `g${i >> 1}`, LABELS[i % 4]!));
    const hashes = [1, 2, 3].map((seed) => computeSplits(rows, LABELS, { ...CV, seed }, HASH).splits.hash);
    expect(new Set(hashes).size).toBe(3);
  });

  it("are the same in every process: this hash was computed in another one", () => {
    const rows = Array.from({ length: 90 }, (_, i) => row(`i${i}`, `g${i % 31}`, LABELS[(i * i) % 4]!));
    // A change of the algorithm would silently re-split every dataset, so it has to be made here too.
    expect(computeSplits(rows, LABELS, CV, HASH).splits.hash).toMatchInlineSnapshot(
      `"77cc52609e4977e724667d89910d9e6ba1acbbf5d0456c0c92a8df5efe17cc17"`,
    );
  });

  it("spread the classes as evenly as scikit-learn's StratifiedGroupKFold, or better", () => {
    interface Case {
      name: string;
      seed: number;
      folds: number;
      groups: number[];
      labels: number[];
      sklearn: number[][];
    }
    const cases = JSON.parse(readFileSync(new URL("../../fixtures/stratified-group-k-fold.json", import.meta.url), "utf8")) as Case[];
    const spread = { ours: 0, sklearn: 0 };
    for (const { seed, folds, groups, labels, sklearn } of cases) {
      const names = Array.from({ length: Math.max(...labels) + 1 }, (_, k) => `c${k}`);
      const rows = labels.map((label, i) => row(`i${i}`, `g${groups[i]}`, names[label]!));
      const labelOf = new Map(rows.map(({ id, label }) => [id, label]));
      const { splits } = computeSplits(rows, names, { ...CV, folds, seed }, HASH);
      const counts = splits.folds.map((fold) => names.map((name) => fold.validation.filter((id) => labelOf.get(id) === name).length));
      spread.ours += unevenness(counts);
      spread.sklearn += unevenness(sklearn);
    }
    expect(cases).toHaveLength(15);
    expect(spread.ours).toBeLessThanOrEqual(spread.sklearn);
  });
});

/** Mean over classes of the SD over folds of the share of the class: scikit-learn's own criterion. */
function unevenness(counts: number[][]): number {
  const classes = counts[0]!.map((_, k) => counts.map((fold) => fold[k]!));
  const spreads = classes.map((perFold) => {
    const total = perFold.reduce((a, b) => a + b, 0);
    const mean = total / perFold.length;
    return Math.sqrt(perFold.reduce((sum, n) => sum + (n - mean) ** 2, 0) / perFold.length) / total;
  });
  return spreads.reduce((a, b) => a + b, 0) / spreads.length;
}

describe("one hold-out", () => {
  it("takes about the wanted share of images and of every class, in whole groups", () => {
    const rows = Array.from({ length: 400 }, (_, i) => row(`i${i}`, `g${i % 131}`, LABELS[i % 4]!));
    const { splits, warnings } = computeSplits(rows, LABELS, { ...CV, folds: 1, validationShare: 0.25 }, HASH);
    expect(warnings).toEqual([]);
    expect(splits.folds).toHaveLength(1);
    assertNoLeak(splits, rows);
    const { validation } = foldAt(splits, 0);
    expect(validation.length).toBeGreaterThan(95);
    expect(validation.length).toBeLessThan(105);
    const labelOf = new Map(rows.map(({ id, label }) => [id, label]));
    for (const label of LABELS) expect(Math.abs(validation.filter((id) => labelOf.get(id) === label).length - 25)).toBeLessThanOrEqual(4);
  });

  it("leaves neither side empty, however few the groups", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (groups, validationShare) => {
        const rows = Array.from({ length: groups }, (_, i) => row(`i${i}`, `g${i}`, "a"));
        const fold = foldAt(computeSplits(rows, LABELS, { ...CV, folds: 1, validationShare }, HASH).splits, 0);
        expect(fold.train.length).toBeGreaterThan(0);
        expect(fold.validation.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe("what is said about a split", () => {
  it("warns of a class with fewer groups than folds and of one without images", () => {
    const rows = Array.from({ length: 20 }, (_, i) => row(`i${i}`, `g${i}`, i < 3 ? "b" : "a"));
    const { warnings } = computeSplits(rows, ["a", "b", "c"], CV, HASH);
    expect(warnings).toEqual([
      "the label b has 3 groups, fewer than 5 folds: some folds validate or train without it",
      "no image has the label c",
    ]);
  });

  it("refuses fewer groups than folds", () => {
    const rows = Array.from({ length: 20 }, (_, i) => row(`i${i}`, `g${i % 4}`, "a"));
    expect(() => computeSplits(rows, ["a"], CV, HASH)).toThrow("5 folds need 5 groups and there are 4 (cv.groupBy: group)");
    expect(errorCode(() => computeSplits(rows, ["a"], CV, HASH))).toBe("SPLIT_IMPOSSIBLE");
    expect(errorCode(() => computeSplits(rows, ["a"], { ...CV, groupBy: "none" }, HASH))).toBeNull();
    expect(errorCode(() => computeSplits(rows, ["a"], { ...CV, groupBy: "source" }, HASH))).toBe("SPLIT_IMPOSSIBLE");
  });

  it("keeps groups that hold the very same image together, and says so", () => {
    const rows = Array.from({ length: 20 }, (_, i) => row(`i${i}`, `g${i}`, "a", i < 3 ? { content: "twin" } : {}));
    const { splits, warnings } = computeSplits(rows, ["a"], CV, HASH);
    expect(warnings).toEqual(["2 more groups would exist if no two held the very same image; groups that do are kept together"]);
    const holders = splits.folds.filter((fold) => fold.validation.some((id) => ["i0", "i1", "i2"].includes(id)));
    expect(holders).toHaveLength(1);
  });
});

describe("a leak", () => {
  const rows = Array.from({ length: 12 }, (_, i) => row(`i${i}`, `g${i >> 1}`, "a", { source: i < 6 ? "s" : "t" }));
  const { splits } = computeSplits(rows, ["a"], { ...CV, folds: 3 }, HASH);
  const changed = (change: (folds: Splits["folds"]) => void): Splits => {
    const folds = structuredClone(splits.folds);
    change(folds);
    return { ...splits, folds, hash: splitsHash({ datasetHash: HASH, folds }) };
  };

  it("is refused: a group on both sides, an image on both sides, validated twice, named twice, or unknown", () => {
    assertNoLeak(splits, rows);
    const id = splits.folds[0]!.validation[0]!;
    const leaks: [string, Splits][] = [
      ["is trained on", changed((folds) => folds[0]!.train.push(folds[0]!.validation.pop()!))],
      ["names the image", changed((folds) => folds[0]!.train.push(id))],
      ["is validated in folds 0 and 1", changed((folds) => (folds[1] = folds[0]!))],
      ["twice", changed((folds) => folds[0]!.validation.push(id))],
      ["which the dataset does not have", changed((folds) => folds[0]!.validation.push("elsewhere"))],
    ];
    for (const [text, leaking] of leaks) {
      expect(() => assertNoLeak(leaking, rows)).toThrow(text);
      expect(errorCode(() => assertNoLeak(leaking, rows))).toBe("SPLIT_LEAK");
    }
    expect(errorCode(() => assertNoLeak(splits, rows, "source"))).toBe("SPLIT_LEAK");
  });

  it("is found where the very same image has two ids", () => {
    const twins = rows.map((r) =>
      r.id === splits.folds[0]!.validation[0] ? { ...r, image: rows.find(({ id }) => id === splits.folds[0]!.train[0])!.image } : r,
    );
    expect(() => assertNoLeak(splits, twins)).toThrow("the very same image");
  });

  it("cannot hide in an edited file", () => {
    const folds = structuredClone(splits.folds);
    folds[0]!.train.pop();
    expect(errorCode(() => assertNoLeak({ ...splits, folds }, rows))).toBe("OBJECT_CORRUPT");
  });

  it("is not made up by asking for a fold that does not exist", () => {
    expect(errorCode(() => foldAt(splits, 3))).toBe("FOLD_NOT_FOUND");
  });
});
