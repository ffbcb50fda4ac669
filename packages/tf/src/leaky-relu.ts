// LeakyReLU and its gradient, each one kernel.
import { floatAttribute } from "./attributes.ts";
import { typeOf } from "./element-type.ts";
import type { Engine } from "./engine.ts";
import type { Tensor } from "./native.ts";

/** x where x > 0, else slope·x. */
export function leakyRelu(engine: Engine, x: Tensor, slope: number): Tensor {
  return engine.run("LeakyRelu", [typeOf(x), floatAttribute("alpha", slope)], x);
}

/** The gradient with respect to x. With a positive slope the sign of the output is that of x, so either may be given as `features`. */
export function leakyReluGradient(engine: Engine, gradient: Tensor, features: Tensor, slope: number): Tensor {
  return engine.run("LeakyReluGrad", [typeOf(gradient), floatAttribute("alpha", slope)], gradient, features);
}
