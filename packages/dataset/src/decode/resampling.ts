// Resampling photographs. Our own, because libvips shifts what it enlarges by half a pixel against the mask (measured with 8.18), and
// because plain arithmetic gives the same bytes on every machine.

/** Weights of the `taps[i]` source samples from `first[i]` on that make up target sample i; room for `width` weights each, row-major. */
interface Filter {
  readonly first: Int32Array;
  readonly taps: Int32Array;
  readonly weights: Float32Array;
  readonly width: number;
}

/**
 * RGB bytes [height, width, 3] → [toHeight, toWidth, 3] by the triangle filter, widened by the scale when shrinking (so that every source
 * pixel counts) and plain bilinear when enlarging: what Pillow calls BILINEAR and PyTorch `antialias=True`. Equal sizes are copied exactly.
 */
export function resample(source: Uint8Array, width: number, height: number, toWidth: number, toHeight: number): Uint8Array {
  if (width === toWidth && height === toHeight) return Uint8Array.from(source);
  const across = filterFor(width, toWidth);
  const down = filterFor(height, toHeight);
  const narrowed = new Float32Array(height * toWidth * 3);
  for (let y = 0; y < height; y++) narrowRow(source, y * width * 3, across, narrowed, y * toWidth * 3);
  const target = new Uint8Array(toWidth * toHeight * 3);
  const sums = new Float64Array(toWidth * 3);
  for (let y = 0; y < toHeight; y++) {
    sums.fill(0);
    for (let k = 0; k < down.taps[y]!; k++) {
      const weight = down.weights[y * down.width + k]!;
      const row = (down.first[y]! + k) * toWidth * 3;
      for (let i = 0; i < sums.length; i++) sums[i]! += weight * narrowed[row + i]!;
    }
    const row = y * toWidth * 3;
    // Weights sum to 1 but for rounding, so sums stay within bytes after rounding.
    for (let i = 0; i < sums.length; i++) target[row + i] = Math.round(sums[i]!);
  }
  return target;
}

function narrowRow(source: Uint8Array, from: number, filter: Filter, target: Float32Array, to: number): void {
  const { first, taps, weights, width } = filter;
  for (let x = 0; x < taps.length; x++) {
    let red = 0;
    let green = 0;
    let blue = 0;
    let at = from + first[x]! * 3;
    const end = x * width + taps[x]!;
    for (let k = x * width; k < end; k++) {
      const weight = weights[k]!;
      red += weight * source[at]!;
      green += weight * source[at + 1]!;
      blue += weight * source[at + 2]!;
      at += 3;
    }
    target[to + x * 3] = red;
    target[to + x * 3 + 1] = green;
    target[to + x * 3 + 2] = blue;
  }
}

/** Photographs of one camera have one size: its filters are kept. The bound is for datasets in which every image has its own. */
const MOST_FILTERS_KEPT = 64;
const filters = new Map<string, Filter>();

function filterFor(size: number, toSize: number): Filter {
  const key = `${size}/${toSize}`;
  const known = filters.get(key);
  if (known !== undefined) return known;
  if (filters.size === MOST_FILTERS_KEPT) filters.clear();
  const filter = makeFilter(size, toSize);
  filters.set(key, filter);
  return filter;
}

/** Both grids have their pixel centres at half integers; weights beyond the edge are dropped and the rest scaled to sum 1. */
function makeFilter(size: number, toSize: number): Filter {
  const scale = size / toSize;
  const reach = Math.max(1, scale);
  const width = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(toSize);
  const taps = new Int32Array(toSize);
  const weights = new Float32Array(toSize * width);
  for (let i = 0; i < toSize; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.ceil(centre - reach - 0.5));
    const end = Math.min(size, Math.floor(centre + reach - 0.5) + 1);
    const raw = Array.from({ length: end - start }, (_, k) => Math.max(0, 1 - Math.abs(start + k + 0.5 - centre) / reach));
    // A sample exactly at the filter's foot has weight 0 and need not be read.
    const skipped = raw.findIndex((weight) => weight > 0);
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    const counted = raw.slice(skipped).filter((weight) => weight > 0);
    first[i] = start + skipped;
    taps[i] = counted.length;
    counted.forEach((weight, k) => (weights[i * width + k] = weight / total));
  }
  return { first, taps, weights, width };
}
