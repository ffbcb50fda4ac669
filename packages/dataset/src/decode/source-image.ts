// Opening a file with sharp: which formats and sizes are taken, and how a refusal reads.
import type { Metadata, Sharp } from "sharp";
import { SaphenaError } from "@saphena/contracts";
import { isPng, readPngStructure } from "./png-structure.ts";
import type { PngStructure } from "./png-structure.ts";

/** Larger images are refused: 100 megapixels decode to 300 MB. */
export const MAX_PIXELS = 100_000_000;

const FORMATS = ["png", "jpeg", "webp"] as const;

export interface SourceImage {
  readonly format: (typeof FORMATS)[number];
  /** After EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly metadata: Metadata;
}

/** A pipeline that turns by EXIF orientation and refuses every decoder warning: what libjpeg warns of is damage. */
export async function openImage(bytes: Uint8Array, options: { ignoreIcc?: boolean } = {}): Promise<Sharp> {
  // Loaded with the first image: it takes 0.15 s, and a trainer, which reads packed pixels, would pay for nothing.
  const { default: sharp } = await import("sharp");
  // Parallelism is over images (see pack-writer.ts); decoded files are not met twice.
  sharp.concurrency(1);
  sharp.cache(false);
  return sharp(bytes, { autoOrient: true, failOn: "warning", limitInputPixels: MAX_PIXELS, ...options });
}

/** Format and size from the header, after a check of the whole PNG. Throws IMAGE_INVALID. */
export async function readHeader(bytes: Uint8Array): Promise<SourceImage> {
  const structure = checkStructure(bytes);
  const metadata = await decoding((await openImage(bytes)).metadata());
  const format = FORMATS.find((known) => known === metadata.format);
  if (format === undefined) throw new SaphenaError("IMAGE_INVALID", `its format is ${metadata.format}, not PNG, JPEG or WebP`);
  if (structure?.isAnimated === true || (metadata.pages ?? 1) > 1)
    throw new SaphenaError("IMAGE_INVALID", "it is an animation, not one image");
  return { format, width: metadata.autoOrient.width, height: metadata.autoOrient.height, metadata };
}

/**
 * Refuses what `readHeader` refuses, for who needs nothing of the header. For a PNG its structure tells all, and the decoder, which
 * takes a quarter of a millisecond to tell the same, is not asked.
 */
export async function refuseUnusable(bytes: Uint8Array): Promise<void> {
  const structure = checkStructure(bytes);
  if (structure === null || structure.isAnimated) await readHeader(bytes);
}

/** Of a PNG; null for another format. */
function checkStructure(bytes: Uint8Array): PngStructure | null {
  if (bytes.length === 0) throw new SaphenaError("IMAGE_INVALID", "the file is empty");
  return isPng(bytes) ? readPngStructure(bytes) : null;
}

/** Turns sharp's rejection into IMAGE_INVALID. Its own words are kept as the cause only: libvips mixes up those of parallel decodes. */
export async function decoding<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new SaphenaError("IMAGE_INVALID", reasonOf(cause), { cause });
  }
}

function reasonOf(cause: unknown): string {
  const words = cause instanceof Error ? cause.message : String(cause);
  if (words.includes("exceeds pixel limit")) return `it has more than ${MAX_PIXELS / 1e6} megapixels`;
  if (words.includes("unsupported image format")) return "it is not a PNG, JPEG or WebP image";
  return "it is damaged or cut off";
}
