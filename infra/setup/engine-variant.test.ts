import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chooseVariant, cloneKey, recordVariant, recordedVariant, variantFromFlags } from "./engine-variant.mjs";

let cache = "";

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "saphena-variant-"));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

test("a new clone computes on the CPU", () => {
  expect(chooseVariant({ requested: undefined, recorded: undefined, installed: undefined })).toBe("cpu");
});

test("a choice holds until another one is made", () => {
  expect(chooseVariant({ requested: undefined, recorded: "cuda", installed: undefined })).toBe("cuda");
  expect(chooseVariant({ requested: "cpu", recorded: "cuda", installed: "cuda" })).toBe("cpu");
});

test("a variant that does not exist is refused, not taken for the CPU's", () => {
  expect(() => chooseVariant({ requested: "gpu", recorded: "cpu", installed: "cpu" })).toThrow('"gpu" is neither "cpu" nor "cuda"');
});

test("what is installed stands for a choice that was lost with the cache", () => {
  expect(chooseVariant({ requested: undefined, recorded: undefined, installed: "cuda" })).toBe("cuda");
});

test("the flags are --gpu, --cpu or none, never both", () => {
  expect([{ gpu: true }, { cpu: true }, {}].map(variantFromFlags)).toEqual(["cuda", "cpu", undefined]);
  expect(() => variantFromFlags({ gpu: true, cpu: true })).toThrow("exclude each other");
});

test("each clone has a choice of its own", async () => {
  await recordVariant("/clones/one", cache, "cuda");
  await recordVariant("/clones/two", cache, "cpu");
  expect(["/clones/one", "/clones/two", "/clones/three"].map((root) => recordedVariant(root, cache))).toEqual(["cuda", "cpu", undefined]);
  await recordVariant("/clones/one", cache, "cpu");
  expect(recordedVariant("/clones/one", cache)).toBe("cpu");
});

test("a choice that nobody can read is none", async () => {
  await recordVariant("/clones/one", cache, "cuda");
  await writeFile(join(cache, "clones", cloneKey("/clones/one"), "engine-variant"), "rocm\n");
  expect(recordedVariant("/clones/one", cache)).toBeUndefined();
});
