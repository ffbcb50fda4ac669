// Every operation against native TensorFlow's of the same name, over shapes that are not round; and what is particular to this engine.
import { readdirSync, readFileSync } from "node:fs";
import { SaphenaError } from "@saphena/contracts";
import { describe, expect, it } from "vitest";
import { FLOAT32, intAttribute, stringAttribute, typeAttribute } from "../attributes.ts";
import {
  add,
  addAll,
  applyAdam,
  applyGradientDescent,
  applyMomentum,
  biasAdd,
  biasGradient,
  broadcast,
  concatenateChannels,
  convolution,
  convolutionInputGradient,
  convolutionKernelGradient,
  createVariable,
  divide,
  halfSquareSum,
  loadEngine,
  matrixProduct,
  mean,
  multiply,
  oneHot,
  pack,
  padTopLeft,
  reshape,
  slice,
  sliceChannels,
  softmax,
  softmaxCrossEntropy,
  subtract,
  sum,
  type Engine,
  type Tensor,
} from "../index.ts";
import { OPERATIONS } from "./operations.ts";

const native = await loadEngine({ threads: 1, engine: "native" });
const wasm = await loadEngine({ threads: 1, engine: "wasm" });

/** Smooth values without a pattern that a wrong axis could hide behind. */
const filled = (engine: Engine, shape: number[], seed: number): Tensor =>
  engine.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(seed + 12.9898 * i) + 0.3 * Math.cos(seed * i)),
    shape,
  );

/** The results of `compute` on both engines, which must have one shape and, to float32's rounding of a short sum, one value. */
function expectEqual(compute: (engine: Engine) => Tensor | Tensor[]): void {
  const [actual, expected] = [wasm, native].map((engine) =>
    engine.tidy(() => [compute(engine)].flat().map((tensor) => ({ shape: [...tensor.shape], values: [...engine.read(tensor)] }))),
  ) as [{ shape: number[]; values: number[] }[], { shape: number[]; values: number[] }[]];
  expect(actual.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  expected.forEach(({ values }, output) => {
    const off = values.filter(
      (value, index) => !(Math.abs((actual[output]?.values[index] as number) - value) <= 1e-5 * (1 + Math.abs(value))),
    );
    expect(off).toEqual([]);
  });
}

const messageOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return error instanceof SaphenaError ? `${error.code}: ${error.message}` : String(error);
  }
  return "nothing was thrown";
};

describe("arithmetic", () => {
  const shapes: [number[], number[]][] = [
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3], [3]],
    [[2, 3], []],
    [[], []],
    [
      [2, 1, 3],
      [4, 1],
    ],
    [
      [2, 3, 3, 5],
      [1, 1, 1, 5],
    ],
    [
      [2, 7],
      [2, 1],
    ],
  ];
  it.each(shapes)("broadcasts [%j] and [%j]", (a, b) => {
    for (const operate of [add, subtract, multiply, divide])
      expectEqual((engine) => operate(engine, filled(engine, a, 1), filled(engine, b, 2)));
  });

  it.each([[[0]], [[1]], [[0, 1, 2]], [[1, 3]], [[0, 1, 2, 3]], [[-1]]])("sums and averages over %j", (axes) => {
    for (const reduce of [sum, mean])
      for (const keep of [false, true]) expectEqual((engine) => reduce(engine, filled(engine, [2, 3, 4, 5], 1), axes, keep));
  });

  it("adds many, halves square sums, and multiplies matrices", () => {
    expectEqual((engine) =>
      addAll(
        engine,
        [1, 2, 3, 4].map((seed) => filled(engine, [3, 5], seed)),
      ),
    );
    expectEqual((engine) => addAll(engine, [filled(engine, [], 1)]));
    expectEqual((engine) => halfSquareSum(engine, filled(engine, [3, 5], 1)));
    for (const a of [false, true])
      for (const b of [false, true])
        expectEqual((engine) =>
          matrixProduct(engine, filled(engine, a ? [7, 3] : [3, 7], 1), filled(engine, b ? [5, 7] : [7, 5], 2), { a, b }),
        );
  });

  it("adds biases and sums their gradients", () => {
    expectEqual((engine) => biasAdd(engine, filled(engine, [2, 3, 4, 5], 1), filled(engine, [5], 2)));
    expectEqual((engine) => biasAdd(engine, filled(engine, [3, 5], 1), filled(engine, [5], 2)));
    expectEqual((engine) => biasGradient(engine, filled(engine, [2, 3, 4, 5], 1)));
    expectEqual((engine) => biasGradient(engine, filled(engine, [3, 5], 1)));
  });
});

describe("moving values", () => {
  it("reshapes, broadcasts, cuts, joins, pads and packs", () => {
    expectEqual((engine) => reshape(engine, filled(engine, [2, 6], 1), [3, -1]));
    expectEqual((engine) => broadcast(engine, filled(engine, [2, 1, 1, 3], 1), [2, 4, 5, 3]));
    expectEqual((engine) => broadcast(engine, filled(engine, [3], 1), [2, 3]));
    expectEqual((engine) => broadcast(engine, filled(engine, [], 1), [2, 3]));
    expectEqual((engine) => broadcast(engine, filled(engine, [2, 1], 1), [2, 3]));
    expectEqual((engine) => slice(engine, filled(engine, [2, 5, 4, 3], 1), [0, 1, 1, 0], [-1, -1, 2, -1]));
    expectEqual((engine) => slice(engine, filled(engine, [5], 1), [2], [2]));
    expectEqual((engine) => sliceChannels(engine, filled(engine, [2, 3, 3, 5], 1), 1, 3));
    expectEqual((engine) => concatenateChannels(engine, filled(engine, [2, 3, 3, 5], 1), filled(engine, [2, 3, 3, 2], 2)));
    expectEqual((engine) => padTopLeft(engine, filled(engine, [2, 3, 4, 5], 1)));
    expectEqual((engine) => pack(engine, [filled(engine, [], 1), filled(engine, [], 2)]));
  });

  it("makes one-hot rows, zero for an id outside the classes", () => {
    expectEqual((engine) => oneHot(engine, engine.tensor(Int32Array.of(0, 2, -1, 3, 1), [5]), 3));
  });

  it("refuses what does not fit, by name of the operation", () => {
    wasm.tidy(() => {
      expect(messageOf(() => reshape(wasm, filled(wasm, [2, 3], 1), [4, 2]))).toContain("Reshape: [2,3] cannot become [4,2]");
      expect(messageOf(() => slice(wasm, filled(wasm, [2], 1), [1], [2]))).toContain("Slice: [2] has no block of [2] at [1]");
      expect(messageOf(() => broadcast(wasm, filled(wasm, [2], 1), [3]))).toContain("BroadcastTo: Incompatible shapes");
      expect(messageOf(() => concatenateChannels(wasm, filled(wasm, [2, 2], 1), filled(wasm, [3, 2], 1)))).toContain(
        "ConcatV2: Incompatible",
      );
      expect(messageOf(() => matrixProduct(wasm, filled(wasm, [2, 3], 1), filled(wasm, [2, 3], 1)))).toContain(
        "MatMul: Incompatible shapes",
      );
      expect(messageOf(() => biasAdd(wasm, filled(wasm, [2, 3], 1), filled(wasm, [2], 1)))).toContain("BiasAdd: a bias of 2 does not fit");
      expect(messageOf(() => wasm.tensor(new Float32Array(3), [2]))).toContain("3 values do not fill a tensor of [2]");
    });
  });
});

describe("softmax", () => {
  it("and its cross-entropy agree", () => {
    expectEqual((engine) => softmax(engine, filled(engine, [7, 3], 1)));
    expectEqual((engine) => {
      const targets = oneHot(engine, engine.tensor(Int32Array.of(0, 2, 1, 1, 0, 2, 1), [7]), 3);
      return Object.values(softmaxCrossEntropy(engine, filled(engine, [7, 3], 1), targets));
    });
  });
});

describe("convolution", () => {
  const cases = [1, 2, 3].flatMap((kernel) =>
    [1, 2, 3].flatMap((stride) =>
      (["SAME", "VALID"] as const).flatMap((padding) => [6, 7].map((size) => ({ kernel, stride, padding, size }))),
    ),
  );
  it.each(cases)("of a $size px image by $kernel px, stride $stride, $padding, and both gradients", ({ kernel, stride, padding, size }) => {
    const [image, filter] = [
      [2, size, size + 1, 3],
      [kernel, kernel, 3, 5],
    ] as const;
    const options = { stride, padding };
    const forward = (engine: Engine): Tensor => convolution(engine, filled(engine, [...image], 1), filled(engine, [...filter], 2), options);
    expectEqual(forward);
    const gradient = (engine: Engine): Tensor => filled(engine, [...forward(engine).shape], 3);
    expectEqual((engine) => convolutionInputGradient(engine, image, filled(engine, [...filter], 2), gradient(engine), options));
    expectEqual((engine) => convolutionKernelGradient(engine, filled(engine, [...image], 1), filter, gradient(engine), options));
  });

  it("refuses a kernel of another depth, and what it cannot do", () => {
    wasm.tidy(() => {
      const [x, kernel] = [filled(wasm, [1, 4, 4, 3], 1), filled(wasm, [3, 3, 2, 5], 2)];
      expect(messageOf(() => convolution(wasm, x, kernel, { stride: 1, padding: "SAME" }))).toContain("input depth 3 of [1,4,4,3]");
      const padded = { stride: 1, padding: "EXPLICIT" as "SAME" };
      expect(messageOf(() => convolution(wasm, x, filled(wasm, [3, 3, 3, 5], 2), padded))).toContain("SAME or VALID padding");
    });
  });

  it("sees the weights of now, not those a kernel was first packed from", () => {
    const kernel = createVariable(wasm, [1, 1, 1, 1], Float32Array.of(2));
    const seen = (): number =>
      wasm.tidy(
        () => wasm.read(convolution(wasm, filled(wasm, [1, 2, 2, 1], 1), kernel.read(), { stride: 1, padding: "VALID" }))[0] as number,
      );
    const before = seen();
    wasm.tidy(() => applyGradientDescent(wasm, kernel, wasm.scalar(1), wasm.tensor(Float32Array.of(1), [1, 1, 1, 1])));
    expect(seen()).toBeCloseTo(before / 2, 6);
    kernel.assign(Float32Array.of(6));
    expect(seen()).toBeCloseTo(3 * before, 6);
    kernel.dispose();
  });
});

describe("variables", () => {
  it("take the steps of every optimizer alike", () => {
    expectEqual((engine) => {
      const [weight, first, second] = [0, 1, 2].map((seed) =>
        createVariable(
          engine,
          [6],
          Float32Array.from({ length: 6 }, (_, i) => (seed === 0 ? Math.sin(i) : 0)),
        ),
      ) as [ReturnType<typeof createVariable>, ReturnType<typeof createVariable>, ReturnType<typeof createVariable>];
      const [rate, beta1, beta2, epsilon, zero] = [0.1, 0.9, 0.999, 1e-8, 0].map((value) => engine.scalar(value)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      for (const seed of [3, 4, 5]) {
        const gradient = filled(engine, [6], seed);
        applyAdam(engine, weight, { first, second }, { gradient, learningRate: rate, beta1, beta2, epsilon, zero });
        applyMomentum(engine, weight, first, { gradient, learningRate: rate, momentum: beta1, nesterov: seed === 4 });
        applyGradientDescent(engine, weight, rate, gradient);
      }
      const values = [weight, first, second].map((variable) => engine.keep(variable.read()));
      for (const variable of [weight, first, second]) variable.dispose();
      return values;
    });
  });

  it("are an error when they are read before they have a value, or updated by another shape", () => {
    const variable = createVariable(wasm, [2], Float32Array.of(1, 2));
    wasm.tidy(() => {
      expect(messageOf(() => applyGradientDescent(wasm, variable, wasm.scalar(1), filled(wasm, [3], 1)))).toContain("Incompatible shapes");
      expect(messageOf(() => wasm.read(variable.handle))).toContain("a variable's handle was read");
    });
    variable.dispose();
    expect(messageOf(() => variable.read())).toContain("is disposed");
  });

  it("keep what was read of them", () => {
    const variable = createVariable(wasm, [2], Float32Array.of(1, 2));
    wasm.tidy(() => {
      const before = variable.read();
      variable.assign(Float32Array.of(3, 4));
      expect([...wasm.read(before), ...wasm.read(variable.read())]).toEqual([1, 2, 3, 4]);
    });
    variable.dispose();
  });
});

describe("the engine", () => {
  it("has a fingerprint that names no processor, and a notice that says how slow it is", () => {
    expect(wasm.fingerprint).toMatchObject({ engine: "tensorflow-wasm", deviceKind: "cpu", instructionSet: "wasm-simd128", threads: 1 });
    expect(wasm.fingerprint.tensorflowVersion).toMatch(/^4\.\d+\.\d+$/);
    expect(wasm.notice).toMatch(/WASM engine .* \d+ times slower than native TensorFlow/);
    expect(native.notice).toBeNull();
  });

  it("names an operation it does not have, and an attribute or input that is missing", () => {
    wasm.tidy(() => {
      const x = filled(wasm, [2, 2], 1);
      expect(messageOf(() => wasm.run("Cholesky", [], x))).toBe(
        "INTERNAL: something went wrong inside Saphena: the WASM engine has no operation Cholesky",
      );
      expect(messageOf(() => wasm.run("LeakyRelu", [], x))).toContain("LeakyRelu: attribute alpha is");
      expect(messageOf(() => wasm.run("Pack", [intAttribute("axis", 1)], x))).toContain("packs along the first axis only");
      expect(messageOf(() => wasm.run("AddV2", [], x))).toContain("AddV2: input 1 is missing");
      expect(messageOf(() => wasm.execute("AddV2", [typeAttribute("T", FLOAT32)], [x, x], 2))).toContain("it has 1 outputs, not 2");
      expect(messageOf(() => wasm.run("Conv2D", [stringAttribute("padding", "SAME")], x, x))).toContain("attribute strides is");
    });
  });

  it("makes an error of what the library only prints", () => {
    const [image, kernel] = [wasm.tensor(new Float32Array(0), [1, 4, 4, 0]), wasm.tensor(new Float32Array(0), [3, 3, 0, 5])];
    const before = wasm.memory().tensors;
    expect(messageOf(() => convolution(wasm, image, kernel, { stride: 1, padding: "SAME" }))).toMatch(
      /^INTERNAL: .*Conv2D: XNN status .* not successful/,
    );
    expect(wasm.memory().tensors).toBe(before);
    for (const tensor of [image, kernel]) tensor.dispose();
  });

  it("has every operation that this package runs, and no other", () => {
    const folder = new URL("..", import.meta.url);
    const texts = readdirSync(folder)
      .filter((name) => /^(?!.*\.test\.ts$).*\.ts$/.test(name))
      .map((name) => readFileSync(new URL(name, folder), "utf8"));
    const named = texts.flatMap((text) =>
      [...text.matchAll(/engine\.(?:run|execute)\(\s*"(\w+)"|reduce\(engine, "(\w+)"/g)].map(([, a, b]) => a ?? b!),
    );
    expect(named.length).toBeGreaterThan(25);
    const ofTensorflow = named.filter((name) => !name.startsWith("Saphena")); // those stand in for several of these, on native engines
    expect([...new Set(ofTensorflow)].filter((name) => !OPERATIONS.has(name))).toEqual(["Cast"]); // to and from half precision, which it has not
    expect([...OPERATIONS.keys()].filter((name) => !named.includes(name))).toEqual([]);
  });

  it("frees what is made in a scope that fails, and hands inner scopes' results to the outer one", () => {
    const before = wasm.memory();
    expect(
      messageOf(() =>
        wasm.tidy(() => {
          filled(wasm, [100], 1);
          throw new Error("stop");
        }),
      ),
    ).toContain("stop");
    wasm.tidy(() => {
      const inner = wasm.tidy(() => ({ list: [filled(wasm, [3], 1)], map: new Map([["x", filled(wasm, [3], 2)]]) }));
      expect(wasm.memory()).toMatchObject({ tensors: before.tensors + 2, tensorBytes: before.tensorBytes + 24 });
      expect(inner.list[0]?.isDisposed).toBe(false);
    });
    expect(wasm.memory()).toMatchObject({ tensors: before.tensors, tensorBytes: before.tensorBytes });
  });

  it("runs out of memory with one error that may be retried", () => {
    const before = wasm.memory();
    const attempt = (): unknown => wasm.tidy(() => broadcast(wasm, wasm.scalar(1), [2 ** 30]));
    expect(messageOf(attempt)).toMatch(/^OUT_OF_MEMORY: .*BroadcastTo/);
    expect(wasm.memory()).toMatchObject({ tensors: before.tensors });
  });
});
