// Photographs: checked in full when a dataset is imported, decoded to the input size of a network when it is packed.
import type { ImageFile } from "@saphena/contracts";
import { placement } from "./geometry.ts";
import type { Fitting } from "./geometry.ts";
import { resample } from "./resampling.ts";
import { decoding, openImage, readHeader, refuseUnusable } from "./source-image.ts";

const WHITE = 255;

/** Decodes every pixel and keeps none. Throws IMAGE_INVALID with what is wrong. Sizes are those after EXIF orientation. */
export async function inspectImage(bytes: Uint8Array): Promise<Pick<ImageFile, "width" | "height" | "format">> {
  const { format } = await readHeader(bytes);
  const { width, height } = await decodeFully(bytes);
  return { width, height, format };
}

/**
 * RGB bytes [inputSize, inputSize, 3]: turned by EXIF orientation, alpha over white, converted to sRGB, resampled by `resample` (an image
 * that has the input size already keeps its very bytes), with `fit` padded with white. Throws IMAGE_INVALID.
 */
export async function decodeImage(bytes: Uint8Array, fitting: Fitting): Promise<Uint8Array> {
  await refuseUnusable(bytes);
  const { pixels, width, height } = await decodeFully(bytes);
  const at = placement(width, height, fitting);
  const placed = resample(pixels, width, height, at.width, at.height);
  if (placed.length === fitting.inputSize ** 2 * 3) return placed;
  const target = new Uint8Array(fitting.inputSize ** 2 * 3).fill(WHITE);
  for (let y = 0; y < at.height; y++) {
    target.set(placed.subarray(y * at.width * 3, (y + 1) * at.width * 3), ((at.top + y) * fitting.inputSize + at.left) * 3);
  }
  return target;
}

/** At full size: a JPEG that is shrunk while it loads hides damage, and is shifted by a part of a pixel. */
async function decodeFully(bytes: Uint8Array): Promise<{ pixels: Uint8Array; width: number; height: number }> {
  const pipeline = (await openImage(bytes)).flatten({ background: "#ffffff" }).toColourspace("srgb").removeAlpha().raw();
  const { data, info } = await decoding(pipeline.toBuffer({ resolveWithObject: true }));
  if (info.channels !== 3) throw new RangeError(`decoded to ${info.channels} channels`);
  return { pixels: data, width: info.width, height: info.height };
}
