// Does to an image, after it was placed and normalised, what augmentation.ts decided: nnU-Net's transforms of intensity in its order.
import type { Augmentation, PerChannel } from "./augmentation.ts";
import { blurChannel } from "./blur.ts";
import { gammaChannel, scaleChannel, spreadChannel } from "./intensity.ts";
import { coarsenChannel } from "./low-resolution.ts";
import { addNormalNoise } from "./normal-noise.ts";
import type { Scratch } from "./scratch.ts";

/** Changes the normalised RGB image [side, side, 3] at `start` in place. Nothing is allocated a pixel or an image. */
export function applyIntensities(values: Float32Array, start: number, side: number, what: Augmentation, scratch: Scratch): void {
  const end = start + side * side * 3;
  const { noise, blur } = what;
  if (noise !== null) addNormalNoise(values, start, end, noise.sd, noise.seed);
  for (let channel = 0; channel < 3 && blur !== null; channel++) {
    if (blur.down[channel]! > 0) blurChannel(values, start + channel, side, blur.down[channel]!, blur.across[channel]!, scratch);
  }
  forEach(what.brightness, (factor, channel) => scaleChannel(values, start + channel, end, factor));
  forEach(what.contrast, (factor, channel) => spreadChannel(values, start + channel, end, factor));
  forEach(what.lowResolution, (zoom, channel) => coarsenChannel(values, start + channel, side, zoom, scratch));
  forEach(what.invertedGamma, (exponent, channel) => gammaChannel(values, start + channel, end, exponent, true));
  forEach(what.gamma, (exponent, channel) => gammaChannel(values, start + channel, end, exponent, false));
}

function forEach(perChannel: PerChannel | null, change: (value: number, channel: number) => void): void {
  if (perChannel === null) return;
  for (let channel = 0; channel < 3; channel++) change(perChannel[channel]!, channel);
}
