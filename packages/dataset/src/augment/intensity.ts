// Changes of brightness, contrast and gamma, each of one channel: of every third value from `start` to before `end`.

export function scaleChannel(values: Float32Array, start: number, end: number, factor: number): void {
  for (let i = start; i < end; i += 3) values[i]! *= factor;
}

/** Distances from the channel's mean times `factor`, held to the range that the channel had. */
export function spreadChannel(values: Float32Array, start: number, end: number, factor: number): void {
  let [sum, min, max] = [0, Infinity, -Infinity];
  for (let i = start; i < end; i += 3) {
    const value = values[i]!;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / Math.ceil((end - start) / 3);
  for (let i = start; i < end; i += 3) values[i] = Math.min(max, Math.max(min, (values[i]! - mean) * factor + mean));
}

/** Powers are looked up between this many intervals, even in the square root: a millionth of the range is the usual error. */
const INTERVALS = 1024;
/** Below this interval a root can be too steep for straight lines. */
const STEEP = 8;
const powers = new Float64Array(INTERVALS + 2);
/** nnU-Net's: keeps a range or spread of nothing from being divided by. */
const EPSILON = 1e-7;

/**
 * Brings the channel (its negative, where `inverted`) to 0…1 by its own range, raises it to `exponent`, and gives it back its range,
 * mean and spread. One power a value would take longer than everything else that happens to an image.
 */
export function gammaChannel(values: Float32Array, start: number, end: number, exponent: number, inverted: boolean): void {
  const sign = inverted ? -1 : 1;
  const count = Math.ceil((end - start) / 3);
  let [sum, squares, min, max] = [0, 0, Infinity, -Infinity];
  for (let i = start; i < end; i += 3) {
    const value = sign * values[i]!;
    sum += value;
    squares += value * value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / count;
  const sd = Math.sqrt(Math.max(0, squares / count - mean * mean));
  const range = max - min;
  const shrink = 1 / Math.max(EPSILON, range);

  for (let i = 0; i <= INTERVALS; i++) powers[i] = (i / INTERVALS) ** (2 * exponent);
  [sum, squares] = [0, 0];
  for (let i = start; i < end; i += 3) {
    const share = (sign * values[i]! - min) * shrink;
    const at = Math.sqrt(share) * INTERVALS;
    const place = Math.floor(at);
    const low = powers[place]!;
    const power = place >= STEEP || at === 0 ? low + (at - place) * (powers[place + 1]! - low) : share ** exponent;
    const value = power * range + min;
    values[i] = value;
    sum += value;
    squares += value * value;
  }
  const meanNow = sum / count;
  const sdNow = Math.sqrt(Math.max(0, squares / count - meanNow * meanNow));
  const factor = sd / Math.max(EPSILON, sdNow);
  for (let i = start; i < end; i += 3) values[i] = sign * ((values[i]! - meanNow) * factor + mean);
}
