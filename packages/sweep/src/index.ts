// A sweep as mathematics: which trials, which runs next, when it ends. Pure and seeded: no clock, no I/O.
//
//   const decision = decideSweep(sweep, suggestionCount(spec.parameters, spec.sampler), nowMs);
//   if (decision.kind === "create") planTrials(sweep, decision.trials, []).map((trial) => trial.parameters);
export { runSeed } from "./seed.ts";
export { gridSize } from "./samplers/grid.ts";
export { suggest, suggestionCount } from "./samplers/suggest.ts";
export type { FinishedTrial, Suggestion, SuggestionRequest } from "./samplers/sampler.ts";
export { assertObjectivePossible, effectiveHeads, isBetter, trialValue } from "./objective.ts";
export type { BestTrial } from "./objective.ts";
export { decideSweep, openTrialCount, runningMs, suggestionsLeft, usedUp } from "./plan/sweep-decision.ts";
export type { SettleRule, SweepDecision, SweepFacts, TimeBudget } from "./plan/sweep-decision.ts";
export { planTrials } from "./plan/next-trials.ts";
export type { PlannedTrial } from "./plan/next-trials.ts";
export { decideTrial } from "./plan/trial-decision.ts";
export type { TrialDecision } from "./plan/trial-decision.ts";
export { decideParked } from "./plan/parked-decision.ts";
export type { ParkedDecision, ParkedFacts } from "./plan/parked-decision.ts";
export { chooseDispatch, mayDispatch, poolRoom, poolTarget } from "./plan/dispatch-choice.ts";
export type { DispatchOrder, SweepDemand } from "./plan/dispatch-choice.ts";
