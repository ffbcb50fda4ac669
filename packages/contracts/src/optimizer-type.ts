// What becomes of the optimizer's other settings when a parameter, or --set, changes its type: each type has settings and defaults of its own.
import { optimizerSchema } from "./sweep-file.ts";
import type { OptimizerConfig } from "./sweep-file.ts";

/** The path that changes which other paths there are. */
export const OPTIMIZER_TYPE_PATH = "train.optimizer.type";

type OptimizerType = OptimizerConfig["type"];
export const OPTIMIZER_TYPES: readonly OptimizerType[] = ["sgd", "adamw"];

export const isOptimizerType = (value: unknown): value is OptimizerType => OPTIMIZER_TYPES.some((type) => type === value);

const defaultsOf = (type: OptimizerType): Readonly<Record<string, unknown>> => optimizerSchema.parse({ type });

/**
 * The optimizer with another type. Settings that both types have are kept, unless they are still at the old type's default: those, and
 * the new type's own ones, take its defaults. (A parsed file does not tell a default from the same number written out.)
 */
export function withOptimizerType(optimizer: OptimizerConfig, type: OptimizerType): OptimizerConfig {
  if (type === optimizer.type) return optimizer;
  const [before, after] = [defaultsOf(optimizer.type), defaultsOf(type)];
  const kept = Object.entries(optimizer).filter(([key, value]) => key !== "type" && key in after && value !== before[key]);
  return optimizerSchema.parse({ ...after, ...Object.fromEntries(kept) });
}

/** The type that has a setting of this path, where one alone has it. */
export function onlyTypeWith(path: string): OptimizerType | undefined {
  const key = path.startsWith("train.optimizer.") ? path.slice("train.optimizer.".length) : "";
  const having = OPTIMIZER_TYPES.filter((type) => key in defaultsOf(type));
  return having.length === 1 ? having[0] : undefined;
}
