// How much each grade counts in the classification loss of one run.
import type { LossConfig } from "@saphena/contracts";
import type { Pack } from "@saphena/dataset";

/**
 * The weights of the grades as numbers; undefined = all alike. "balanced" is scikit-learn's n/(K·n_k) over the training part, with n_k the
 * sum of the weights of the images of grade k, n the sum over all grades and K the number of grades that are there: each then has the
 * same weight in all. Images without a label do not count; a grade that is absent has weight 0, and meets no image.
 */
export function classWeightsOf(
  setting: LossConfig["classWeights"],
  { labels, weights, labelNames }: Pick<Pack, "labels" | "weights" | "labelNames">,
  training: Int32Array,
): readonly number[] | undefined {
  if (setting === "none") return undefined;
  if (setting !== "balanced") return setting;
  const masses = labelNames.map(() => 0);
  for (const index of training) {
    const label = labels[index]!;
    if (label !== -1) masses[label] = masses[label]! + weights[index]!;
  }
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  const present = masses.filter((mass) => mass > 0).length;
  return masses.map((mass) => (mass === 0 ? 0 : total / (present * mass)));
}
