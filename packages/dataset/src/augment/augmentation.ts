// What happens to one image in one epoch, as plain data: a function of settings, seed, epoch and image alone, so it is the same in
// whatever batch, order or thread the image is met. apply.ts does it.
import type { AugmentationSettings } from "@saphena/contracts";
import { hashOf } from "../random.ts";

/** One value for each of red, green and blue. */
export type PerChannel = readonly [number, number, number];

export interface Mirror {
  readonly horizontal: boolean;
  readonly vertical: boolean;
}

/** In the order in which it is done; null = nothing. Intensities are normalised ones: mean 0 and SD 1 over the training images. */
export interface Augmentation {
  readonly mirror: Mirror;
  /** About the middle of the image; 0 = none. */
  readonly rotationRadians: number;
  /** Side of what is shown, as a share of the image's: above 1 it becomes smaller; 1 = none. */
  readonly scale: number;
  /** Normal noise of this SD, from a stream of its own. */
  readonly noise: { readonly sd: number; readonly seed: number } | null;
  /** Standard deviations in pixels; 0 leaves the channel alone. */
  readonly blur: { readonly down: PerChannel; readonly across: PerChannel } | null;
  /** Factors of the values. */
  readonly brightness: PerChannel | null;
  /** Factors of the distance from the channel's mean. */
  readonly contrast: PerChannel | null;
  /** Side that the image is reduced to, as a share; 1 leaves the channel alone. */
  readonly lowResolution: PerChannel | null;
  /** Exponents, applied to the negative. */
  readonly invertedGamma: PerChannel | null;
  /** Exponents. */
  readonly gamma: PerChannel | null;
}

/** Keep these draws apart from others under the same seed. */
const MIRROR_STREAM = 2;
const AUGMENT_STREAM = 0x100;

/** Where the draws of each transform begin: none moves when the settings of another change. A transform has up to ten. */
const DRAWS = {
  rotation: 0,
  scaling: 10,
  noise: 20,
  blur: 30,
  brightness: 40,
  contrast: 50,
  lowResolution: 60,
  invertedGamma: 70,
  gamma: 80,
};

/** `repeat`: how often the image has come before in the epoch; only a sampling that repeats images gives others than 0. */
export function augmentationOf(settings: AugmentationSettings, seed: number, epoch: number, index: number, repeat = 0): Augmentation {
  const occasion = repeat === 0 ? [seed, epoch, index] : [seed, epoch, index, repeat];
  const key = hashOf(AUGMENT_STREAM, ...occasion);
  const draw: Draw = (slot) => hashOf(key, slot) / 0x1_0000_0000;
  const happens = (on: boolean, probability: number, slot: number): boolean => on && draw(slot) < probability;
  const factors = (min: number, max: number, slot: number): PerChannel =>
    eachChannel((channel) => aroundOne(min, max, draw(slot + 1 + channel)));
  const { rotation, scaling, gaussianNoise, gaussianBlur, brightness, contrast, lowResolution, gamma } = settings;
  return {
    mirror: mirrorOf(settings.mirror, hashOf(MIRROR_STREAM, ...occasion)),
    rotationRadians: happens(rotation.enabled, rotation.probability, DRAWS.rotation)
      ? (between(-rotation.maxDegrees, rotation.maxDegrees, draw(DRAWS.rotation + 1)) * Math.PI) / 180
      : 0,
    scale: happens(scaling.enabled, scaling.probability, DRAWS.scaling)
      ? between(scaling.minFactor, scaling.maxFactor, draw(DRAWS.scaling + 1))
      : 1,
    noise: happens(gaussianNoise.enabled, gaussianNoise.probability, DRAWS.noise)
      ? { sd: gaussianNoise.maxSd * draw(DRAWS.noise + 1), seed: hashOf(key, DRAWS.noise + 2) }
      : null,
    blur: happens(gaussianBlur.enabled, gaussianBlur.probability, DRAWS.blur) ? blurOf(gaussianBlur, draw) : null,
    brightness: happens(brightness.enabled, brightness.probability, DRAWS.brightness)
      ? factors(brightness.minFactor, brightness.maxFactor, DRAWS.brightness)
      : null,
    contrast: happens(contrast.enabled, contrast.probability, DRAWS.contrast)
      ? factors(contrast.minFactor, contrast.maxFactor, DRAWS.contrast)
      : null,
    lowResolution: happens(lowResolution.enabled, lowResolution.probability, DRAWS.lowResolution)
      ? eachChannel((channel) =>
          draw(DRAWS.lowResolution + 1 + channel) < lowResolution.channelProbability
            ? between(lowResolution.minZoom, lowResolution.maxZoom, draw(DRAWS.lowResolution + 4 + channel))
            : 1,
        )
      : null,
    invertedGamma: happens(gamma.enabled, gamma.invertedProbability, DRAWS.invertedGamma)
      ? factors(gamma.minExponent, gamma.maxExponent, DRAWS.invertedGamma)
      : null,
    gamma: happens(gamma.enabled, gamma.probability, DRAWS.gamma) ? factors(gamma.minExponent, gamma.maxExponent, DRAWS.gamma) : null,
  };
}

/** A draw from 0 to below 1. */
type Draw = (slot: number) => number;

function mirrorOf({ enabled, probability, horizontal, vertical }: AugmentationSettings["mirror"], bits: number): Mirror {
  /** One bit decides at a probability of a half; the others refine it for any other. */
  const happens = (bit: number, rest: number): boolean => (bit === 1 ? 0 : 0.5) + (rest & 0x7fff) / 0x1_0000 < probability;
  return {
    horizontal: enabled && horizontal && happens(bits & 1, bits >>> 2),
    vertical: enabled && vertical && happens((bits >>> 1) & 1, bits >>> 17),
  };
}

function blurOf(
  { channelProbability, minSigmaPixels, maxSigmaPixels }: AugmentationSettings["gaussianBlur"],
  draw: Draw,
): Augmentation["blur"] {
  const sigma = (channel: number, slot: number): number =>
    draw(DRAWS.blur + 1 + channel) < channelProbability ? between(minSigmaPixels, maxSigmaPixels, draw(DRAWS.blur + slot + channel)) : 0;
  return { down: eachChannel((channel) => sigma(channel, 4)), across: eachChannel((channel) => sigma(channel, 7)) };
}

const eachChannel = (value: (channel: number) => number): PerChannel => [value(0), value(1), value(2)];
const between = (min: number, max: number, share: number): number => min + (max - min) * share;

/** Evenly below 1 in half of the draws and evenly above it in the other half, where the range has both sides: nnU-Net's. */
function aroundOne(min: number, max: number, share: number): number {
  if (min >= 1 || max <= 1) return between(min, max, share);
  return share < 0.5 ? between(min, 1, share * 2) : between(1, max, share * 2 - 1);
}
