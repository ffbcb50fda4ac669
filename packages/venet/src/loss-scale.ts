// Dynamic loss scaling for float16, whose smallest number is 6e-8: the loss is multiplied before the reverse pass, so that small gradients
// keep their bits, and the gradients are divided again in float32. The scale is as high as it can be without overflow: it is halved
// when a gradient is not finite, and doubled after many steps without that. bfloat16 has the range of float32 and needs none.

export interface LossScale {
  /** A power of two, so that scaling by it rounds nothing. */
  readonly scale: number;
  /** Steps in a row whose gradients were finite at this scale. */
  readonly goodSteps: number;
}

export const FIRST_LOSS_SCALE: LossScale = { scale: 2 ** 16, goodSteps: 0 };
export const LOWEST_SCALE = 1;
/** Beyond it a float16 gains nothing: what is lost below 6e-8 is then less than 4e-15 of the loss. */
export const HIGHEST_SCALE = 2 ** 24;
/** PyTorch's interval, too. */
export const STEPS_TO_DOUBLE = 2000;

/** `exhausted`: the gradients are not finite even without scaling, so lowering it further cannot help. */
export type ScaleDecision =
  | { readonly type: "applied"; readonly next: LossScale }
  | { readonly type: "skipped"; readonly next: LossScale }
  | { readonly type: "exhausted" };

/** What becomes of a step, and of the scale after it. */
export function decideStep({ scale, goodSteps }: LossScale, gradientsFinite: boolean): ScaleDecision {
  if (!gradientsFinite)
    return scale <= LOWEST_SCALE ? { type: "exhausted" } : { type: "skipped", next: { scale: scale / 2, goodSteps: 0 } };
  if (goodSteps + 1 < STEPS_TO_DOUBLE) return { type: "applied", next: { scale, goodSteps: goodSteps + 1 } };
  return { type: "applied", next: { scale: Math.min(2 * scale, HIGHEST_SCALE), goodSteps: 0 } };
}
