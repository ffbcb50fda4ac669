// The one door to all samplers.
import type { SamplerConfig, SearchSpace } from "@saphena/contracts";
import { gridSize, suggestGrid } from "./grid.ts";
import { suggestRandom } from "./random.ts";
import type { Suggestion, SuggestionRequest } from "./sampler.ts";

/** Suggestion n depends only on (sampler.seed, n) and, for adaptive samplers, on the finished history. */
export function suggest(request: SuggestionRequest): Suggestion {
  switch (request.sampler.type) {
    case "random":
      return suggestRandom(request);
    case "grid":
      return suggestGrid(request);
  }
}

/** How many suggestions the sampler has in all; null = no end. */
export function suggestionCount(space: SearchSpace, sampler: SamplerConfig): number | null {
  return sampler.type === "grid" ? gridSize(space) : null;
}
