import { expect, test } from "vitest";
import { CUDA_LIBRARIES, CUDA_LIBRARY_WHEELS, CUDA_TENSORFLOW_WHEELS } from "./cuda-pins.mjs";
import { TENSORFLOW_WHEELS } from "./pins.mjs";
import { downloadBytes, hasCudaVariant, libraryFiles, requireRoom } from "./tensorflow-library.mjs";

const WHEELS = [...Object.values(TENSORFLOW_WHEELS), ...Object.values(CUDA_TENSORFLOW_WHEELS), ...CUDA_LIBRARY_WHEELS];

test("each pin names one file: project, version, platform and hash agree", () => {
  expect(WHEELS.length).toBe(14);
  for (const { project, version, file, sha256, sizeBytes, platformTag, pythonVersion } of WHEELS) {
    expect(file.startsWith(`${project.replaceAll("-", "_")}-${version}-`)).toBe(true);
    expect(file).toContain(platformTag);
    expect({ file, sha256 }).toEqual({ file, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect({ file, sizeBytes: sizeBytes > 500_000, pythonVersion }).toEqual({ file, sizeBytes: true, pythonVersion: "3.11" });
  }
  expect(new Set(WHEELS.map(({ sha256 }) => sha256)).size).toBe(WHEELS.length);
});

test("the CUDA variant stands on TensorFlow's own libraries and on every CUDA library, the CPU variant on the former", () => {
  expect(libraryFiles("cpu")).toEqual(["tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2"]);
  expect(libraryFiles("cuda")).toEqual([...libraryFiles("cpu"), ...CUDA_LIBRARIES]);
  expect(CUDA_LIBRARIES).toContain("nvidia/cudnn/lib/libcudnn.so.9");
  expect(new Set(CUDA_LIBRARIES).size).toBe(19);
});

test("a platform without a CUDA wheel is told so before anything is downloaded", () => {
  expect(["linux-x64", "linux-arm64", "darwin-arm64"].map((platform) => hasCudaVariant(platform))).toEqual([true, false, false]);
  expect(() => downloadBytes("cuda", "linux-arm64")).toThrow("no TensorFlow library for NVIDIA GPUs for linux-arm64");
  expect(() => downloadBytes("cuda", "darwin-arm64")).toThrow("no TensorFlow library for darwin-arm64 yet");
  expect(downloadBytes("cuda", "linux-x64")).toBeGreaterThan(10 * downloadBytes("cpu", "linux-x64"));
});

test("a disk without room for the CUDA libraries is told before anything is downloaded", () => {
  const disk = (gigabytes: number) => ({ bavail: gigabytes * 250_000, bsize: 4000 });
  expect(() => requireRoom(disk(5), "/cache")).toThrow("need 6.2 GB while they are unpacked, and /cache has 5.0 GB free");
  expect(() => requireRoom(disk(7), "/cache")).not.toThrow();
});
