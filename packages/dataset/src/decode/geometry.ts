// Where an image lies in the square input of a network: one rule for images and masks, so that they stay in step.

export interface Fitting {
  /** Side of the square, pixels. */
  readonly inputSize: number;
  /** `stretch` fills the square; `fit` keeps the aspect ratio, centred, with padding on two sides. */
  readonly resize: "stretch" | "fit";
}

export interface Placement {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function placement(width: number, height: number, { inputSize, resize }: Fitting): Placement {
  if (resize === "stretch") return { left: 0, top: 0, width: inputSize, height: inputSize };
  const scale = inputSize / Math.max(width, height);
  const fitted = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  return { left: (inputSize - fitted.width) >> 1, top: (inputSize - fitted.height) >> 1, ...fitted };
}

/** Nearest-neighbour resampling, [height, width] → [inputSize, inputSize], padded with 0. Samples the source at pixel centres, as the image's filter does. */
export function placeNearest(source: Uint8Array, width: number, height: number, fitting: Fitting): Uint8Array {
  const at = placement(width, height, fitting);
  const target = new Uint8Array(fitting.inputSize ** 2);
  for (let y = 0; y < at.height; y++) {
    const from = Math.floor(((y + 0.5) * height) / at.height) * width;
    const to = (at.top + y) * fitting.inputSize + at.left;
    for (let x = 0; x < at.width; x++) target[to + x] = source[from + Math.floor(((x + 0.5) * width) / at.width)]!;
  }
  return target;
}
