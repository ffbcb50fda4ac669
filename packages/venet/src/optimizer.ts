// Stochastic gradient descent with momentum and weight decay, in PyTorch's definition.
import { add, applyMomentum, multiply, type Engine, type Tensor } from "@saphena/tf";
import type { OptimizerConfig } from "./config.ts";
import type { NetworkState } from "./state.ts";

/**
 * One step: g += weightDecay·p, m = momentum·m + g, p -= learningRate·(nesterov ? g + momentum·m : m). Disposes the gradients and the weights.
 * A parameter without a gradient (its head met no label or mask in this batch) stays as it is, momentum and decay included.
 */
export function applySgd(
  engine: Engine,
  state: NetworkState,
  gradients: Map<string, Tensor>,
  weights: Map<string, Tensor>,
  config: OptimizerConfig,
  learningRate: number,
): void {
  const rate = engine.scalar(learningRate);
  const momentum = engine.scalar(config.momentum);
  const decay = engine.scalar(config.weightDecay);
  for (const [name, gradient] of gradients) {
    const weight = weights.get(name);
    const total = weight === undefined || config.weightDecay === 0 ? gradient : decayed(engine, gradient, weight, decay);
    weight?.dispose(); // while it is held, TensorFlow would copy the variable instead of updating it in place
    applyMomentum(engine, state.parameter(name), state.momentum(name), {
      gradient: total,
      learningRate: rate,
      momentum,
      nesterov: config.nesterov,
    });
    total.dispose();
  }
  for (const scalar of [rate, momentum, decay]) scalar.dispose();
}

function decayed(engine: Engine, gradient: Tensor, weight: Tensor, decay: Tensor): Tensor {
  const pull = multiply(engine, weight, decay);
  const total = add(engine, gradient, pull);
  pull.dispose();
  gradient.dispose();
  return total;
}
