// Masks: PNG whose pixels say background or which lesion class. Stored values are kept; nothing is interpolated.
import { SaphenaError } from "@saphena/contracts";
import type { DatasetRecord, ImageFile } from "@saphena/contracts";
import { placeNearest } from "./geometry.ts";
import type { Fitting } from "./geometry.ts";
import { isPng, paletteAsGrey, readPngStructure } from "./png-structure.ts";
import { decoding, openImage, readHeader } from "./source-image.ts";

type MaskClasses = DatasetRecord["maskClasses"];

/** A mask at its own size, turned by EXIF orientation; `classes` [height, width] with 0 = background. */
export interface SourceMask {
  readonly width: number;
  readonly height: number;
  readonly classes: Uint8Array;
}

/** Decodes a mask in full. Throws MASK_INVALID with what is wrong. */
export async function readMask(bytes: Uint8Array, maskClasses: MaskClasses): Promise<SourceMask> {
  try {
    const storage = await storageOf(bytes);
    return maskClasses === null ? await readForeground(bytes, storage) : await readClasses(bytes, storage, maskClasses);
  } catch (error) {
    if (!(error instanceof SaphenaError) || error.code !== "IMAGE_INVALID") throw error;
    throw new SaphenaError("MASK_INVALID", error.message.slice(error.message.indexOf(": ") + 2), { cause: error });
  }
}

async function storageOf(bytes: Uint8Array): Promise<Storage> {
  const structure = isPng(bytes) ? readPngStructure(bytes) : null;
  // The structure tells all but how many channels the decoder makes of a palette.
  if (structure !== null && !structure.isPalette && !structure.isAnimated)
    return { grey: structure.isGrey, wide: structure.bitDepth === 16 };
  const { format, metadata } = await readHeader(bytes);
  if (format !== "png") throw new SaphenaError("MASK_INVALID", `it is ${format.toUpperCase()}, which changes pixel values; masks are PNG`);
  return { grey: metadata.channels <= 2, wide: metadata.depth === "ushort" };
}

/** What the manifest keeps of a mask, after decoding it in full. */
export async function inspectMask(bytes: Uint8Array, maskClasses: MaskClasses): Promise<Pick<ImageFile, "width" | "height" | "format">> {
  const { width, height } = await readMask(bytes, maskClasses);
  return { width, height, format: "png" };
}

/**
 * Classes [inputSize, inputSize] by nearest neighbour, padded with background; placed exactly as `decodeImage` places the image.
 * `emptied`: there was foreground, and none is left at this size. Throws MASK_INVALID.
 */
export async function decodeMask(
  bytes: Uint8Array,
  options: Fitting & { maskClasses: MaskClasses },
): Promise<{ classes: Uint8Array; emptied: boolean }> {
  const { width, height, classes } = await readMask(bytes, options.maskClasses);
  const placed = placeNearest(classes, width, height, options);
  const hasForeground = (mask: Uint8Array): boolean => mask.some((value) => value !== 0);
  return { classes: placed, emptied: !hasForeground(placed) && hasForeground(classes) };
}

/** Without a list of classes, any pixel that is neither transparent nor black in every channel is foreground (class 1). */
async function readForeground(bytes: Uint8Array, storage: Storage): Promise<SourceMask> {
  const { width, height, samples, channels } = await readSamples(bytes, storage);
  const classes = new Uint8Array(width * height);
  // Nearly all masks are opaque, and a loop without a call is ten times as fast.
  if (channels === 1) for (let i = 0; i < classes.length; i++) classes[i] = samples[i] === 0 ? 0 : 1;
  else if (channels === 3)
    for (let i = 0, at = 0; i < classes.length; i++, at += 3)
      classes[i] = (samples[at]! | samples[at + 1]! | samples[at + 2]!) === 0 ? 0 : 1;
  else for (let i = 0; i < classes.length; i++) classes[i] = colourOf(samples, i, channels) === 0 ? 0 : 1;
  return { width, height, classes };
}

/**
 * With a list, the pixel value is the grey value as stored (a 1-bit mask holds 0 and 1), or the index of a coloured palette.
 * Any value that is neither 0 nor listed is refused: it would become background in silence.
 */
async function readClasses(bytes: Uint8Array, storage: Storage, maskClasses: NonNullable<MaskClasses>): Promise<SourceMask> {
  const { bitDepth, isPalette, isPaletteColoured } = readPngStructure(bytes);
  const indexed = isPalette && isPaletteColoured;
  const { width, height, samples, channels } = await (indexed
    ? readSamples(paletteAsGrey(bytes), { grey: true, wide: false })
    : readSamples(bytes, storage));
  // The decoder widens grey values of fewer than 8 bits to 0-255; grey palettes hold 8-bit values as they are.
  const widened = bitDepth < 8 && (indexed || !isPalette) ? 255 / (2 ** bitDepth - 1) : 1;
  const classOf = new Map([[0, 0], ...maskClasses.map(({ value }, i): [number, number] => [value, i + 1])]);
  const classes = new Uint8Array(width * height);
  for (let i = 0; i < classes.length; i++) {
    const value = greyOf(samples, i, channels) / widened;
    const found = classOf.get(value);
    if (found === undefined)
      throw new SaphenaError(
        "MASK_INVALID",
        `pixel ${i % width},${Math.floor(i / width)} ${describe(value)}, listed are ${[...classOf.keys()].join(", ")}`,
      );
    classes[i] = found;
  }
  return { width, height, classes };
}

const describe = (value: number): string => (Number.isNaN(value) ? "is coloured, not grey" : `has the value ${value}`);

interface Storage {
  /** One channel besides alpha. */
  readonly grey: boolean;
  /** 16 bits a sample. */
  readonly wide: boolean;
}

interface Samples {
  readonly width: number;
  readonly height: number;
  readonly samples: Uint8Array | Uint16Array;
  readonly channels: number;
}

async function readSamples(bytes: Uint8Array, { grey, wide }: Storage): Promise<Samples> {
  // A colour profile says how values look, not what they mean.
  const pipeline = (await openImage(bytes, { ignoreIcc: true })).toColourspace(wide ? (grey ? "grey16" : "rgb16") : grey ? "b-w" : "srgb");
  const { data, info } = await decoding(pipeline.raw({ depth: wide ? "ushort" : "uchar" }).toBuffer({ resolveWithObject: true }));
  const samples = wide ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  return { width: info.width, height: info.height, samples, channels: info.channels };
}

/** The largest colour channel, or 0 where the pixel is transparent. */
function colourOf(samples: Samples["samples"], pixel: number, channels: number): number {
  const at = pixel * channels;
  if (isTransparent(samples, at, channels)) return 0;
  return channels <= 2 ? samples[at]! : Math.max(samples[at]!, samples[at + 1]!, samples[at + 2]!);
}

/** The grey value, 0 where transparent, NaN where coloured. */
function greyOf(samples: Samples["samples"], pixel: number, channels: number): number {
  const at = pixel * channels;
  if (isTransparent(samples, at, channels)) return 0;
  return channels <= 2 || (samples[at] === samples[at + 1] && samples[at] === samples[at + 2]) ? samples[at]! : Number.NaN;
}

function isTransparent(samples: Samples["samples"], at: number, channels: number): boolean {
  return (channels === 2 || channels === 4) && samples[at + channels - 1] === 0;
}
