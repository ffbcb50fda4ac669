// Variables that live inside TensorFlow and are updated in place, so that an optimizer step is one kernel a parameter
// (composed from tensors it is about nine).
import { booleanAttribute, FLOAT32, shapeAttribute, stringAttribute, typeAttribute } from "./attributes.ts";
import type { Engine } from "./engine.ts";
import type { Tensor } from "./native.ts";

export interface ResourceVariable {
  readonly shape: readonly number[];
  readonly handle: Tensor;
  /**
   * The current value without a copy. Dispose it before the variable is updated: TensorFlow updates in place only what nobody
   * else holds, and copies the whole variable otherwise.
   */
  read(): Tensor;
  /** Sets the value; `values` are copied. */
  assign(values: Float32Array): void;
  dispose(): void;
}

let variableCount = 0; // names a variable within the process; never stored

/** A variable of this shape and value. */
export function createVariable(engine: Engine, shape: readonly number[], values: Float32Array): ResourceVariable {
  const attributes = [
    typeAttribute("dtype", FLOAT32),
    shapeAttribute("shape", shape),
    stringAttribute("container", ""),
    stringAttribute("shared_name", `saphena-${++variableCount}`),
  ];
  const handle = engine.keep(engine.run("VarHandleOp", attributes));
  const variable: ResourceVariable = {
    shape,
    handle,
    read: () => engine.run("ReadVariableOp", [typeAttribute("dtype", FLOAT32)], handle),
    assign: (next) => {
      // TensorFlow may keep using the array it is given, so it gets one of its own.
      const value = engine.tensor(next.slice(), shape);
      engine.execute("AssignVariableOp", [typeAttribute("dtype", FLOAT32)], [handle, value], 0);
      value.dispose();
    },
    dispose: () => {
      engine.execute("DestroyResourceOp", [booleanAttribute("ignore_lookup_error", true)], [handle], 0);
      handle.dispose();
    },
  };
  variable.assign(values);
  return variable;
}

/**
 * One step of SGD with momentum, as PyTorch defines it: accumulator = momentum·accumulator + gradient, then
 * variable -= learningRate·accumulator, or with Nesterov variable -= learningRate·(gradient + momentum·accumulator).
 * (ResourceApplyMomentum; ResourceApplyKerasMomentum would fold each step's learning rate into the accumulator, which
 * differs as soon as the rate follows a schedule.)
 */
export function applyMomentum(
  engine: Engine,
  variable: ResourceVariable,
  accumulator: ResourceVariable,
  step: { gradient: Tensor; learningRate: Tensor; momentum: Tensor; nesterov: boolean },
): void {
  const attributes = [typeAttribute("T", FLOAT32), booleanAttribute("use_locking", false), booleanAttribute("use_nesterov", step.nesterov)];
  engine.execute(
    "ResourceApplyMomentum",
    attributes,
    [variable.handle, accumulator.handle, step.learningRate, step.gradient, step.momentum],
    0,
  );
}

/**
 * One step of Adam in PyTorch's definition, its bias corrections already in `learningRate` and `epsilon`:
 * m += (1-beta1)·(gradient - m), v += (1-beta2)·(gradient² - v), variable -= learningRate·m / (√v + epsilon).
 */
export function applyAdam(
  engine: Engine,
  variable: ResourceVariable,
  moments: { first: ResourceVariable; second: ResourceVariable },
  step: { gradient: Tensor; learningRate: Tensor; beta1: Tensor; beta2: Tensor; epsilon: Tensor; zero: Tensor },
): void {
  const { gradient, learningRate, beta1, beta2, epsilon, zero } = step;
  const attributes = [typeAttribute("T", FLOAT32), booleanAttribute("use_locking", false), booleanAttribute("use_nesterov", false)];
  // The kernel would multiply the rate by √(1-beta2Power)/(1-beta1Power) in float32, where 1 - 0.999 keeps five digits: zeros leave it be.
  const inputs = [variable.handle, moments.first.handle, moments.second.handle, zero, zero, learningRate, beta1, beta2, epsilon, gradient];
  engine.execute("ResourceApplyAdam", attributes, inputs, 0);
}

/** variable -= rate·direction. With the variable's own value as the direction it shrinks in one kernel. */
export function applyGradientDescent(engine: Engine, variable: ResourceVariable, rate: Tensor, direction: Tensor): void {
  const attributes = [typeAttribute("T", FLOAT32), booleanAttribute("use_locking", false)];
  engine.execute("ResourceApplyGradientDescent", attributes, [variable.handle, rate, direction], 0);
}
