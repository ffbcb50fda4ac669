// The weights of one pass through the network, each read from its variable once. In half precision the layers compute with rounded
// copies; the variables, and what the optimizer makes of them, stay float32.
import { cast, type ElementType, type Engine, type Tensor } from "@saphena/tf";
import type { NetworkState } from "./state.ts";

export interface PassWeights {
  /** As read from the variables, by parameter name. */
  readonly masters: Map<string, Tensor>;
  /** The weight in float32. */
  master(name: string): Tensor;
  /** The weight in the precision of the pass. */
  weight(name: string): Tensor;
  /** Frees the copies, once no layer needs them. */
  disposeCopies(): void;
}

export function readWeights(engine: Engine, state: NetworkState, precision: ElementType): PassWeights {
  const masters = new Map<string, Tensor>();
  const copies = new Map<string, Tensor>();
  const master = (name: string): Tensor => once(masters, name, () => state.parameter(name).read());
  return {
    masters,
    master,
    weight: precision === "float32" ? master : (name) => once(copies, name, () => cast(engine, master(name), precision)),
    disposeCopies: () => {
      for (const copy of copies.values()) copy.dispose();
      copies.clear();
    },
  };
}

function once(known: Map<string, Tensor>, name: string, make: () => Tensor): Tensor {
  const tensor = known.get(name) ?? make();
  known.set(name, tensor);
  return tensor;
}
