// A packed dataset of noise, for measurements: noise costs the same as photographs.
import { createPack, type Pack } from "@saphena/dataset";

/** Every image with one of `grades` labels, in turn, and a half-filled mask. */
export function noisePack(size: number, count: number, grades: number): Pack {
  const pixels = size * size;
  let state = 1;
  const noise = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
  const ids = Array.from({ length: count }, (_, index) => `noise-${index}`);
  const description = {
    datasetHash: "",
    inputSize: size,
    resize: "stretch",
    labelNames: Array.from({ length: grades }, (_, grade) => String(grade)),
    maskClasses: 2,
    ids,
    groups: ids,
    sources: ids.map(() => null),
    emptiedMasks: [],
  } as const;
  return createPack(description, {
    images: Uint8Array.from({ length: count * pixels * 3 }, noise),
    masks: Uint8Array.from({ length: count * pixels }, (_, index) => (index % size < size / 2 ? 1 : 0)),
    hasMask: new Uint8Array(count).fill(1),
    labels: Int32Array.from({ length: count }, (_, index) => index % grades),
    weights: new Float32Array(count).fill(1),
  });
}
