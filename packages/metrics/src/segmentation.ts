// Segmentation figures over images: per image and then averaged, and pooled over all pixels. Both, because they differ hugely
// when lesions are small.
import { dice, isEmptyTruth, jaccard, overImage } from "./overlap.ts";
import type { OverlapCounts } from "./overlap.ts";
import { meanOf, ratio } from "./metric.ts";
import type { Metric } from "./metric.ts";

/** How images are treated whose masks are empty: both empty = skipped and counted, one empty = 0. Named in every report. */
export const EMPTY_MASK_POLICY = "nan-skip";

export interface SegmentationScores {
  /** Images that were given, all of which have a mask. */
  images: number;
  /** Images that count in `dice` and `jaccard`. */
  used: number;
  /** Images left out because truth and prediction are both empty. */
  skipped: number;
  /** Images with an empty truth and a prediction that is not: they count 0. */
  falseAlarms: number;
  /** Mean over the used images. */
  dice: number | null;
  jaccard: number | null;
  /** Dice of the pixels of all images together, mean over the classes that occur. */
  pooledDice: number | null;
  /** The same for each foreground class; null where it does not occur. */
  pooledDicePerClass: (number | null)[];
}

/** The counts behind the scores; adding two of them merges folds. */
interface Tally {
  images: number;
  used: number;
  falseAlarms: number;
  diceSum: number;
  jaccardSum: number;
  pooled: OverlapCounts[];
}

export interface SegmentationScore extends Metric<readonly OverlapCounts[], SegmentationScores> {
  readonly maskClasses: number;
  tally(): Tally;
}

/** Takes the overlap counts of one image at a time (see `countOverlap`); `maskClasses` includes the background. */
export function createSegmentationScore(maskClasses: number): SegmentationScore {
  let tally = emptyTally(maskClasses);
  const add = (other: Tally): void => {
    if (other.pooled.length !== maskClasses - 1)
      throw new RangeError(`counts of ${other.pooled.length} foreground classes do not fit ${maskClasses - 1}`);
    tally = sumOf(tally, other);
  };
  return {
    maskClasses,
    tally: () => structuredClone(tally),
    reset: () => void (tally = emptyTally(maskClasses)),
    update: (counts) => add(tallyOf(counts)),
    merge: (other) => add(other.tally()),
    compute: () => scoresOf(tally),
  };
}

function emptyTally(maskClasses: number): Tally {
  const pooled = Array.from({ length: maskClasses - 1 }, () => ({ truePositives: 0, falsePositives: 0, falseNegatives: 0 }));
  return { images: 0, used: 0, falseAlarms: 0, diceSum: 0, jaccardSum: 0, pooled };
}

function tallyOf(counts: readonly OverlapCounts[]): Tally {
  const imageDice = overImage(counts, dice);
  return {
    images: 1,
    used: imageDice === null ? 0 : 1,
    falseAlarms: imageDice !== null && isEmptyTruth(counts) ? 1 : 0,
    diceSum: imageDice ?? 0,
    jaccardSum: overImage(counts, jaccard) ?? 0,
    pooled: counts.map((one) => ({ ...one })),
  };
}

function sumOf(a: Tally, b: Tally): Tally {
  return {
    images: a.images + b.images,
    used: a.used + b.used,
    falseAlarms: a.falseAlarms + b.falseAlarms,
    diceSum: a.diceSum + b.diceSum,
    jaccardSum: a.jaccardSum + b.jaccardSum,
    pooled: a.pooled.map((one, index) => ({
      truePositives: one.truePositives + b.pooled[index]!.truePositives,
      falsePositives: one.falsePositives + b.pooled[index]!.falsePositives,
      falseNegatives: one.falseNegatives + b.pooled[index]!.falseNegatives,
    })),
  };
}

function scoresOf({ images, used, falseAlarms, diceSum, jaccardSum, pooled }: Tally): SegmentationScores {
  const pooledDicePerClass = pooled.map(dice);
  return {
    images,
    used,
    skipped: images - used,
    falseAlarms,
    dice: ratio(diceSum, used),
    jaccard: ratio(jaccardSum, used),
    pooledDice: meanOf(pooledDicePerClass),
    pooledDicePerClass,
  };
}
