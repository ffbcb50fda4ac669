// Flags of `saphena dataset import` that hold lists.
import { usageError } from "./failure.ts";

/** `a,b,c`; empty and repeated entries are refused. */
export function parseList(text: string, flag: string): string[] {
  const entries = text.split(",").map((entry) => entry.trim());
  if (entries.includes("")) throw usageError(`${flag} ${JSON.stringify(text)} has an empty entry`);
  const twice = entries.find((entry, index) => entries.indexOf(entry) !== index);
  if (twice !== undefined) throw usageError(`${flag} names ${JSON.stringify(twice)} twice`);
  return entries;
}

/** `old=new`, given once or several times. */
export function parseMerge(pairs: readonly string[]): Record<string, string> {
  const merge: Record<string, string> = {};
  for (const [from, to] of pairs.map((text) => pairOf(text, "--merge", "old=new"))) {
    if (Object.hasOwn(merge, from)) throw usageError(`--merge gives ${JSON.stringify(from)} twice`);
    merge[from] = to;
  }
  return merge;
}

/** `lesion=128,ulcer=255`; null when not given. */
export function parseMaskClasses(text: string | undefined): { name: string; value: number }[] | null {
  if (text === undefined) return null;
  const classes = parseList(text, "--mask-classes").map((entry) => {
    const [name, digits] = pairOf(entry, "--mask-classes", "name=value");
    const value = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
    if (!(value >= 1 && value <= 255)) throw usageError(`--mask-classes: ${digits} is not a pixel value from 1 to 255`);
    return { name, value };
  });
  for (const key of ["name", "value"] as const) {
    if (new Set(classes.map((entry) => entry[key])).size < classes.length) throw usageError(`--mask-classes gives a ${key} twice`);
  }
  return classes;
}

function pairOf(text: string, flag: string, form: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1 || at === text.length - 1) throw usageError(`${flag} ${JSON.stringify(text)} is not ${form}`);
  return [text.slice(0, at), text.slice(at + 1)];
}
