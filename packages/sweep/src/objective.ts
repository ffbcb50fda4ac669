// What a dataset lets a network train and a sweep optimise, and when one trial is better than another.
import { SaphenaError } from "@saphena/contracts";
import type { ModelConfig, Objective, ObjectiveMetric, RunMetrics, SweepRecord, SweepSpec } from "@saphena/contracts";

type Heads = ModelConfig["heads"];
/** As in the sweep record: `labels` are those in use, `maskClasses` counts the background, 0 = no masks. */
type Supply = Pick<SweepRecord["dataset"], "labels" | "maskClasses">;

const wants = (heads: Heads, head: "classification" | "segmentation"): boolean => heads === "both" || heads === head;

/** The asked heads less those the dataset cannot supply: a class head needs two labels, a decoder needs masks. SWEEP_OBJECTIVE_IMPOSSIBLE when none is left. */
export function effectiveHeads(heads: Heads, { labels, maskClasses }: Supply): Heads {
  const classification = wants(heads, "classification") && labels.length >= 2;
  const segmentation = wants(heads, "segmentation") && maskClasses > 0;
  if (classification && segmentation) return "both";
  if (classification) return "classification";
  if (segmentation) return "segmentation";
  const lacks = heads === "both" ? "neither masks nor two labels" : heads === "segmentation" ? "no masks" : "fewer than two labels";
  throw new SaphenaError("SWEEP_OBJECTIVE_IMPOSSIBLE", `model.heads is ${heads} and the dataset has ${lacks}`);
}

const NEEDS: Record<ObjectiveMetric, readonly ("classification" | "segmentation")[]> = {
  dice: ["segmentation"],
  accuracy: ["classification"],
  score: ["classification", "segmentation"],
};

/** Throws SWEEP_OBJECTIVE_IMPOSSIBLE when some configuration of the sweep would have no value for its objective. */
export function assertObjectivePossible(spec: SweepSpec, dataset: Supply): void {
  const searched = spec.parameters["model.heads"];
  const asked = searched?.type === "categorical" ? (searched.values as Heads[]) : [spec.model.heads];
  for (const heads of asked) {
    const trained = effectiveHeads(heads, dataset);
    const missing = NEEDS[spec.objective.metric].find((head) => !wants(trained, head));
    if (missing === undefined) continue;
    const cause = wants(heads, missing)
      ? `the dataset has ${missing === "segmentation" ? "no masks" : "fewer than two labels"}`
      : `model.heads is ${heads}`;
    throw new SaphenaError(
      "SWEEP_OBJECTIVE_IMPOSSIBLE",
      `objective.metric ${spec.objective.metric} needs the ${missing} head, and ${cause}`,
    );
  }
}

/** A trial's value: the mean of the objective over its folds. Folds without data are left out; null when none has any. */
export function trialValue(metrics: readonly (RunMetrics | null)[], objective: Objective): number | null {
  const values = metrics.flatMap((fold) => fold?.[objective.metric] ?? []);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

export interface BestTrial {
  trial: number;
  value: number;
}

/** Of equal values the lower trial number is the better, so the answer does not depend on which one ended first. */
export function isBetter(candidate: BestTrial, best: BestTrial | null, goal: Objective["goal"]): boolean {
  if (best === null) return true;
  if (candidate.value === best.value) return candidate.trial < best.trial;
  return goal === "maximize" ? candidate.value > best.value : candidate.value < best.value;
}
