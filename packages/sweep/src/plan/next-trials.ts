// The parameters of the next trials: first the failed and cancelled ones that are tried again, then the sampler's suggestions.
import type { Parameters } from "@saphena/contracts";
import { suggest } from "../samplers/suggest.ts";
import type { FinishedTrial } from "../samplers/sampler.ts";
import { nextSuggestion } from "./sweep-decision.ts";
import type { SweepFacts } from "./sweep-decision.ts";

export interface PlannedTrial {
  parameters: Parameters;
  retryOf: number | null;
  /** Which rule made it, for the decision log. */
  rule: "retry" | "random" | "grid";
}

/** Pure. At most `count`; fewer when the sampler is exhausted. */
export function planTrials(sweep: SweepFacts, count: number, history: readonly FinishedTrial[]): PlannedTrial[] {
  const { sampler, parameters: space } = sweep.record.spec;
  const retries = sweep.retries.slice(0, count).map((retry): PlannedTrial => ({ ...retry, rule: "retry" }));
  const first = nextSuggestion(sweep);
  const suggested: PlannedTrial[] = [];
  for (let number = first; suggested.length + retries.length < count; number++) {
    const suggestion = suggest({ space, sampler, number, history });
    if (suggestion.kind === "exhausted") break;
    suggested.push({ parameters: suggestion.parameters, retryOf: null, rule: sampler.type });
  }
  return [...retries, ...suggested];
}
