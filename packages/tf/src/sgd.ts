// Stochastic gradient descent over many parameters at once.
import { add, multiply } from "./arithmetic.ts";
import { floatAttribute, intAttribute } from "./attributes.ts";
import type { Engine } from "./engine.ts";
import type { Tensor } from "./native.ts";
import { applyMomentum, type ResourceVariable } from "./resource-variable.ts";

/** All of one shape. */
export interface SgdEntry {
  parameter: ResourceVariable;
  momentum: ResourceVariable;
  gradient: Tensor;
  /** What `parameter` holds, as it was read. Disposed: while it is held, TensorFlow would copy the variable instead of updating it in place. */
  value: Tensor;
}

export interface SgdOptions {
  learningRate: number;
  momentum: number;
  weightDecay: number;
  nesterov: boolean;
}

/** One step: g += weightDecay·p, m = momentum·m + g, p -= learningRate·(nesterov ? g + momentum·m : m), as torch.optim.SGD. */
export function applySgd(engine: Engine, entries: readonly SgdEntry[], options: SgdOptions): void {
  if (entries.length === 0) return;
  const learningRate = engine.scalar(options.learningRate);
  const momentum = engine.scalar(options.momentum);
  const decayed = options.weightDecay === 0 ? null : addDecay(engine, entries, options.weightDecay);
  entries.forEach(({ parameter, momentum: accumulator, gradient, value }, index) => {
    value.dispose();
    const step = { gradient: decayed?.[index] ?? gradient, learningRate, momentum, nesterov: options.nesterov };
    applyMomentum(engine, parameter, accumulator, step);
    decayed?.[index]?.dispose();
  });
  for (const scalar of [learningRate, momentum]) scalar.dispose();
}

/** gradient + weightDecay·value of every entry: one kernel for all where the engine has Saphena's own, else two for each. */
function addDecay(engine: Engine, entries: readonly SgdEntry[], weightDecay: number): Tensor[] {
  if (engine.ownKernels) {
    const attributes = [intAttribute("N", entries.length), floatAttribute("weight_decay", weightDecay)];
    const inputs = [...entries.map(({ gradient }) => gradient), ...entries.map(({ value }) => value)];
    return engine.execute("SaphenaAddDecay", attributes, inputs, entries.length);
  }
  const factor = engine.scalar(weightDecay);
  const decayed = entries.map(({ gradient, value }) => {
    const pull = multiply(engine, value, factor);
    const total = add(engine, gradient, pull);
    pull.dispose();
    return total;
  });
  factor.dispose();
  return decayed;
}
