// What a sampler is: a pure function from the space, its seed, a number and the finished history to the parameters of one trial.
import type { Parameters, SamplerConfig, SearchSpace } from "@saphena/contracts";

/** A trial that ended, as an adaptive sampler may learn from it. */
export interface FinishedTrial {
  number: number;
  parameters: Parameters;
  /** Mean over the folds; null when there is none. */
  value: number | null;
}

export interface SuggestionRequest {
  space: SearchSpace;
  sampler: SamplerConfig;
  /** The how-many-eth suggestion of the sweep, from 0. Retries are no suggestions and take no number. */
  number: number;
  history: readonly FinishedTrial[];
}

export type Suggestion = { kind: "suggestion"; parameters: Parameters } | { kind: "exhausted" };
