// Grid search: every combination once, parameters in the order of the file, the last one changing fastest.
import type { SearchSpace } from "@saphena/contracts";
import { gridValues } from "../space.ts";
import type { Suggestion, SuggestionRequest } from "./sampler.ts";

/** How many trials the whole grid has; an empty space has one, the configuration as written. */
export function gridSize(space: SearchSpace): number {
  return Object.values(space).reduce((size, parameter) => size * gridValues(parameter).length, 1);
}

export function suggestGrid({ space, number }: SuggestionRequest): Suggestion {
  const axes = Object.entries(space).map(([path, parameter]) => ({ path, values: gridValues(parameter) }));
  let rest = number;
  const chosen = axes.toReversed().map(({ path, values }) => {
    const value = values[rest % values.length]!;
    rest = Math.floor(rest / values.length);
    return [path, value] as const;
  });
  if (rest > 0) return { kind: "exhausted" };
  return { kind: "suggestion", parameters: Object.fromEntries(chosen.toReversed()) };
}
