// Reads a PNG chunk by chunk: the decoder ignores damaged checksums and a missing end, so damage would train unseen.
// Also finds what the decoder hides: stored bit depth and palette, which masks need.
import { crc32 } from "node:zlib";
import { SaphenaError } from "@saphena/contracts";

export interface PngStructure {
  /** As stored, before any expansion. */
  readonly bitDepth: number;
  readonly isPalette: boolean;
  /** One channel, besides transparency; false for palettes, whose colours decide. */
  readonly isGrey: boolean;
  /** Some colour of the palette is not a shade of grey. */
  readonly isPaletteColoured: boolean;
  readonly isAnimated: boolean;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const HEADER_TYPE_AT = 12;
const COLOUR_TYPE_AT = 25;

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

interface Chunk {
  readonly type: string;
  /** Of length, type, data and checksum. */
  readonly start: number;
  readonly end: number;
}

/** Throws IMAGE_INVALID where a chunk is cut off, its CRC-32 is wrong, or the end is missing. */
export function readPngStructure(bytes: Uint8Array): PngStructure {
  const found = chunks(bytes);
  const colours = found.find(({ type }) => type === "PLTE");
  return {
    bitDepth: bytes[COLOUR_TYPE_AT - 1]!,
    isPalette: bytes[COLOUR_TYPE_AT] === 3,
    isGrey: bytes[COLOUR_TYPE_AT] === 0 || bytes[COLOUR_TYPE_AT] === 4,
    isPaletteColoured: colours !== undefined && hasColour(bytes.subarray(colours.start + 8, colours.end - 4)),
    isAnimated: found.some(({ type }) => type === "acTL"),
  };
}

/** The same PNG with palette indices turned into grey values: colour type 3 becomes 0, the palette goes. */
export function paletteAsGrey(bytes: Uint8Array): Uint8Array {
  const parts = [Uint8Array.from(SIGNATURE)];
  for (const { type, start, end } of chunks(bytes)) {
    if (type !== "IHDR" && type !== "IDAT" && type !== "IEND" && type !== "eXIf") continue;
    const part = Uint8Array.from(bytes.subarray(start, end)); // a copy, even of a Buffer
    if (type === "IHDR") {
      part[COLOUR_TYPE_AT - SIGNATURE.length] = 0;
      new DataView(part.buffer).setUint32(part.length - 4, crc32(part.subarray(4, -4)));
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function chunks(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Chunk[] = [];
  let start = SIGNATURE.length;
  for (;;) {
    if (start + 12 > bytes.length) throw damaged("it ends too early");
    const end = start + 12 + view.getUint32(start);
    if (end > bytes.length) throw damaged("it ends too early");
    const type = String.fromCharCode(...bytes.subarray(start + 4, start + 8));
    if (crc32(bytes.subarray(start + 4, end - 4)) !== view.getUint32(end - 4))
      throw damaged(`the checksum of its ${type} chunk at byte ${start} is wrong`);
    found.push({ type, start, end });
    if (type === "IEND") break;
    start = end;
  }
  if (found[0]!.type !== "IHDR" || found[0]!.end < HEADER_TYPE_AT + 21) throw damaged("it has no header");
  return found;
}

const damaged = (what: string): SaphenaError => new SaphenaError("IMAGE_INVALID", `the PNG is damaged: ${what}`);

function hasColour(palette: Uint8Array): boolean {
  for (let i = 0; i + 2 < palette.length; i += 3) if (palette[i] !== palette[i + 1] || palette[i] !== palette[i + 2]) return true;
  return false;
}
