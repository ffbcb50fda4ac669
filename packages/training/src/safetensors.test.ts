import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@saphena/testing";
import { assert, constant, dictionary, float, property, string, tuple, uniqueArray } from "fast-check";
import { expect, test } from "vitest";
import { decodeTensors, encodeTensors, readTensors, writeTensors } from "./safetensors.ts";
import type { TensorFile } from "./safetensors.ts";

const sample: TensorFile = {
  metadata: { note: "é" },
  tensors: new Map([
    ["a", { shape: [2, 3], data: Float32Array.of(1, -0, Number.MIN_VALUE, 1e38, 5, 6) }],
    ["scalar", { shape: [], data: Float32Array.of(7) }],
    ["none", { shape: [0], data: new Float32Array(0) }],
  ]),
};
const bytesOf = (file: TensorFile): Buffer => Buffer.concat(encodeTensors(file));

test("what was written is read back to the bit, from bytes at any alignment", () => {
  const name = string({ minLength: 1 }).filter((text) => text !== "__metadata__" && text !== "__proto__");
  const tensor = tuple(name, float({ noNaN: false }));
  assert(
    property(uniqueArray(tensor, { selector: ([key]) => key, maxLength: 5 }), dictionary(name, constant("x")), (entries, metadata) => {
      const file = {
        metadata: { ...metadata },
        tensors: new Map(entries.map(([key, value]) => [key, { shape: [1], data: Float32Array.of(value) }])),
      };
      const shifted = Buffer.concat([Buffer.of(0), bytesOf(file)]).subarray(1);
      expect(bytesOf(decodeTensors(shifted))).toEqual(bytesOf(file));
    }),
  );
});

test("the layout is the documented one", () => {
  const bytes = bytesOf(sample);
  const length = Number(bytes.readBigUInt64LE());
  expect(length % 8).toBe(0);
  expect(JSON.parse(bytes.toString("utf8", 8, 8 + length))).toEqual({
    __metadata__: { note: "é" },
    a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
    scalar: { dtype: "F32", shape: [], data_offsets: [24, 28] },
    none: { dtype: "F32", shape: [0], data_offsets: [28, 28] },
  });
  expect(bytes.readFloatLE(8 + length + 24)).toBe(7);
  expect(bytes.length).toBe(8 + length + 28);
});

test("a file is complete under its name, and read only with the right hash", async () => {
  const folder = await temporaryFolder("safetensors");
  const written = await writeTensors(join(folder, "x.safetensors"), sample);
  expect(await readdir(folder)).toEqual(["x.safetensors"]);
  expect(written.sizeBytes).toBe((await readFile(written.path)).length);
  expect(await readTensors(written.path, written.sha256)).toEqual(sample);
  await expect(readTensors(written.path, "0".repeat(64))).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  await expect(readTensors(join(folder, "absent"), written.sha256)).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  const damaged = await readFile(written.path);
  damaged[damaged.length - 1]! ^= 1;
  await writeFile(written.path, damaged);
  await expect(readTensors(written.path, written.sha256)).rejects.toThrow("does not have the hash");
});

const withHeader = (header: unknown, data = Buffer.alloc(4)): Buffer => {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
};
const entry = { dtype: "F32", shape: [1], data_offsets: [0, 4] };

test.each([
  ["nothing", Buffer.alloc(3)],
  ["a cut-off header", bytesOf(sample).subarray(0, 40)],
  ["a cut-off tensor", bytesOf(sample).subarray(0, -1)],
  ["bytes of no tensor", Buffer.concat([bytesOf(sample), Buffer.alloc(4)])],
  ["a header that is not JSON", withHeader("nonsense")],
  ["a header that is not an object", withHeader([])],
  ["metadata that is not text", withHeader({ __metadata__: { a: 1 }, x: entry })],
  ["another type", withHeader({ x: { ...entry, dtype: "F16" } })],
  ["a shape that does not fit its bytes", withHeader({ x: { ...entry, shape: [2] } })],
  ["a negative shape", withHeader({ x: { ...entry, shape: [-1] } })],
  ["overlapping tensors", withHeader({ x: entry, y: entry })],
  ["a length beyond any file", Buffer.alloc(16, 255)],
])("a file with %s is refused", (_, bytes) => {
  expect(() => decodeTensors(bytes)).toThrow(expect.objectContaining({ code: "CHECKPOINT_INVALID" }) as Error);
});
