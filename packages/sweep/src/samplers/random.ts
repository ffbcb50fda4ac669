// Random search: every parameter drawn by itself.
import { parameterDraws } from "../seed.ts";
import { valueAt } from "../space.ts";
import type { Suggestion, SuggestionRequest } from "./sampler.ts";

export function suggestRandom({ space, sampler, number }: SuggestionRequest): Suggestion {
  const drawn = Object.entries(space).map(([path, parameter]) => [path, valueAt(parameter, parameterDraws(sampler.seed, number, path)())]);
  return { kind: "suggestion", parameters: Object.fromEntries(drawn) };
}
