// Changes of brightness, contrast and gamma, each of one channel: of every third value from `start` to before `end`.

export function scaleChannel(values: Float32Array, start: number, end: number, factor: number): void {
  for (let i = start; i < end; i += 3) values[i]! *= factor;
}

/** Distances from the channel's mean times `factor`, held to the range that the channel had. */
export function spreadChannel(values: Float32Array, start: number, end: number, factor: number): void {
  let sum = 0;
  let min = Infinity;
  let max = -Infinity;
  for (let i = start; i < end; i += 3) {
    const value = values[i]!;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / Math.ceil((end - start) / 3);
  for (let i = start; i < end; i += 3) {
    const value = (values[i]! - mean) * factor + mean;
    values[i] = value < min ? min : value > max ? max : value;
  }
}

/** Powers are looked up between this many intervals, even in the square root: within 2e-5 of the range for exponents of 0.7 to 1.5. */
const INTERVALS = 256;
/** Before this interval a root can be too steep for straight lines. */
const STEEP = 8;
const powers = new Float64Array(INTERVALS + 2);
/** nnU-Net's: keeps a range or spread of nothing from being divided by. */
const EPSILON = 1e-7;

/**
 * Brings the channel (its negative, where `inverted`) to 0…1 by its own range, raises it to `exponent`, and gives it back its range,
 * mean and spread. One power a value would take longer than everything else that happens to an image.
 */
export function gammaChannel(values: Float32Array, start: number, end: number, exponent: number, inverted: boolean): void {
  const count = Math.ceil((end - start) / 3);
  let sum = 0;
  let squares = 0;
  let min = Infinity;
  let max = -Infinity;
  for (let i = start; i < end; i += 3) {
    const value = values[i]!;
    sum += value;
    squares += value * value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / count;
  const sd = Math.sqrt(Math.max(0, squares / count - mean * mean));
  const range = max - min;
  // The negative's range begins where the channel's ends.
  const from = inverted ? max : min;
  const shrink = (inverted ? -1 : 1) / Math.max(EPSILON, range);

  for (let i = 0; i <= INTERVALS; i++) powers[i] = Math.exp(2 * exponent * Math.log(i / INTERVALS));
  powers[INTERVALS + 1] = 1;
  let powerSum = 0;
  let powerSquares = 0;
  for (let i = start; i < end; i += 3) {
    const share = (values[i]! - from) * shrink;
    const at = Math.sqrt(share) * INTERVALS;
    const place = at | 0;
    const low = powers[place]!;
    const power = place >= STEEP || at === 0 ? low + (at - place) * (powers[place + 1]! - low) : share ** exponent;
    values[i] = power;
    powerSum += power;
    powerSquares += power * power;
  }
  // The range cancels out: mean and spread are given back to the powers themselves, and to a negative with its sign.
  const powerMean = powerSum / count;
  const powerSd = Math.sqrt(Math.max(0, powerSquares / count - powerMean * powerMean));
  const factor = ((inverted ? -1 : 1) * range * sd) / Math.max(EPSILON, range * powerSd);
  for (let i = start; i < end; i += 3) values[i] = (values[i]! - powerMean) * factor + mean;
}
