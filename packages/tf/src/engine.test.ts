import { SaphenaError } from "@saphena/contracts";
import { afterEach, describe, expect, it, vi } from "vitest";
import { loadEngine } from "./engine.ts";
import { deviceKindOf, instructionSetOf } from "./fingerprint.ts";
import { loadNative, nativeError, restoreRemovedNodeFunction } from "./native.ts";
import { add, multiply } from "./index.ts";

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return error instanceof SaphenaError ? `${error.code}: ${error.message} (${error.hint})` : String(error);
  }
  return "nothing was thrown";
};

afterEach(() => vi.unstubAllEnvs());

describe("loadEngine", () => {
  it("tells which engine computes", async () => {
    const { fingerprint } = await loadEngine({ threads: 1 });
    expect(fingerprint).toMatchObject({ engine: expect.stringMatching(/^tensorflow-native/) as string, threads: 1 });
    expect(fingerprint.tensorflowVersion).toMatch(/^2\.\d+\.\d+/);
    expect(fingerprint.deviceKind).toMatch(/^(cpu|gpu:.+)$/);
  });

  it("returns the same engine again, and refuses another number of threads", async () => {
    expect(await loadEngine({ threads: 1 })).toBe(await loadEngine({ threads: 1 }));
    await expect(loadEngine({ threads: 3 })).rejects.toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining("this process runs its engine with 1 threads"),
    });
    await expect(loadEngine({ threads: 0 })).rejects.toThrow("1 or more threads");
  });

  it("takes the engine that SAPHENA_ENGINE names, and no other word", async () => {
    vi.stubEnv("SAPHENA_ENGINE", "wasm");
    expect((await loadEngine({ threads: 1 })).fingerprint.engine).toBe("tensorflow-wasm");
    vi.stubEnv("SAPHENA_ENGINE", "native");
    expect((await loadEngine({ threads: 1 })).fingerprint.engine).toMatch(/^tensorflow-native/);
    vi.stubEnv("SAPHENA_ENGINE", "fast");
    await expect(loadEngine({ threads: 1 })).rejects.toMatchObject({
      code: "ENVIRONMENT_INVALID",
      message: expect.stringContaining("fast"),
    });
  });

  it("says in one line what is missing and what to do", () => {
    const message = codeOf(() =>
      loadNative(() => {
        throw new Error("The addon can not be found at path.\nPlease run something else");
      }),
    );
    expect(message).toMatch(
      /^ENGINE_MISSING: the TensorFlow engine is not set up: The addon can not be found at path\. \(run `npm run setup`/,
    );
  });

  it("restores the function that Node 23 removed and leaves an existing one alone", () => {
    const removed: Record<string, unknown> = {};
    restoreRemovedNodeFunction(removed);
    const isNullOrUndefined = removed["isNullOrUndefined"] as (value: unknown) => boolean;
    expect([null, undefined, 0, ""].map(isNullOrUndefined)).toEqual([true, true, false, false]);
    restoreRemovedNodeFunction(removed);
    expect(removed["isNullOrUndefined"]).toBe(isNullOrUndefined);
  });
});

const engines = [await loadEngine({ threads: 1, engine: "native" }), await loadEngine({ threads: 1, engine: "wasm" })];

describe.each(engines.map((engine) => ({ name: engine.fingerprint.engine, engine })))("tensors of $name", ({ engine }) => {
  it("are freed at the end of their scope, except what is kept or returned", () => {
    const before = engine.memory().tensors;
    const [kept, returned] = engine.tidy(() => {
      const a = engine.tensor(Float32Array.of(1, 2), [2]);
      return [engine.keep(add(engine, a, a)), multiply(engine, a, a)] as const;
    });
    expect(engine.memory().tensors).toBe(before + 2);
    expect([...engine.read(kept), ...engine.read(returned)]).toEqual([2, 4, 1, 4]);
    kept.dispose();
    returned.dispose();
    expect(engine.memory().tensors).toBe(before);
  });

  it("that do not fit into memory are one error that may be retried", () => {
    // As TensorFlow words it; provoking it for real takes ten seconds of the allocator's own retries.
    const cause = new Error(
      "Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[1048576,1048576] and type float on /device:CPU:0",
    );
    const error = nativeError("BroadcastTo", cause);
    expect(error).toMatchObject({ code: "OUT_OF_MEMORY", retryable: true });
    expect(error.message).toBe(
      "memory ran out: BroadcastTo: Invalid TF_Status: 8 Message: OOM when allocating tensor with shape[1048576,1048576] and type float on /device:CPU:0",
    );
  });

  it("of shapes that do not fit together are refused by name of the operation", () => {
    expect(
      codeOf(() => engine.tidy(() => add(engine, engine.tensor(new Float32Array(2), [2]), engine.tensor(new Float32Array(3), [3])))),
    ).toMatch(/^INTERNAL: .*AddV2: .*Incompatible shapes/);
  });

  it("of integers are not read as floats", () => {
    expect(codeOf(() => engine.tidy(() => engine.read(engine.tensor(Int32Array.of(1), [1]))))).toContain("int32");
  });
});

describe("the fingerprint", () => {
  it("names the widest instruction set of the processor", () => {
    expect(instructionSetOf("flags\t\t: fpu sse4_2 avx avx2 avx512f avx512vl", "x64")).toBe("avx512f");
    expect(instructionSetOf("flags\t\t: fpu sse4_2 avx avx2", "x64")).toBe("avx2");
    expect(instructionSetOf("Features\t: fp asimd crc32", "arm64")).toBe("asimd");
    expect(instructionSetOf("", "arm64")).toBe("arm64");
  });

  it("names the GPU model where the driver tells it", () => {
    expect(deviceKindOf(false, [])).toBe("cpu");
    expect(deviceKindOf(true, ["Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 1"])).toBe("gpu:NVIDIA H100 80GB HBM3");
    expect(deviceKindOf(true, [])).toBe("gpu:unknown");
  });

  it("names the model of the GPU that the process was given, and all models where that cannot be told", () => {
    const gpus = ["Model: \t Tesla T4\nGPU UUID: \t GPU-77d0\n", "Model: \t NVIDIA A100\nGPU UUID: \t GPU-5c1a\n"];
    expect(deviceKindOf(true, gpus, "GPU-5c1a")).toBe("gpu:NVIDIA A100");
    expect(deviceKindOf(true, gpus, "gpu-77")).toBe("gpu:Tesla T4");
    for (const visible of [null, "0", "GPU-5c1a,GPU-77d0", "MIG-1"])
      expect(deviceKindOf(true, gpus, visible)).toBe("gpu:NVIDIA A100 or Tesla T4");
    expect(deviceKindOf(true, [gpus[0]!, gpus[0]!], "1")).toBe("gpu:Tesla T4");
  });
});
