// Turns zod's issues into sentences that give the path, the value and what would be right, with the nearest match for unknown keys.
import { z } from "zod";

/** Edit distance (Levenshtein), one row at a time. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The candidate closest to `word`, if it is close enough to be a slip of the hand. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }));
  ranked.sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined;
}

type Path = readonly PropertyKey[];

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined),
    input,
  );
}

/** The keys an object schema knows at `path`, unwrapping defaults, optionals and unions (by their discriminator where one fits). */
function knownKeys(schema: z.core.$ZodType, path: Path, input: unknown): string[] {
  const definition = schema._zod.def as {
    type: string;
    innerType?: z.core.$ZodType;
    shape?: Record<string, z.core.$ZodType>;
    options?: z.core.$ZodType[];
    valueType?: z.core.$ZodType;
    element?: z.core.$ZodType;
    in?: z.core.$ZodType;
  };
  if (definition.type === "pipe" && definition.in !== undefined) return knownKeys(definition.in, path, input);
  if (definition.innerType !== undefined) return knownKeys(definition.innerType, path, input);
  if (definition.options !== undefined) {
    const options = definition.options.filter((option) => fitsDiscriminator(option, input));
    return options.flatMap((option) => knownKeys(option, path, input));
  }
  const [head, ...rest] = path;
  if (head === undefined) return Object.keys(definition.shape ?? {});
  const child = definition.shape?.[String(head)] ?? definition.valueType ?? definition.element;
  return child === undefined ? [] : knownKeys(child, rest, valueAt(input, [head]));
}

function fitsDiscriminator(option: z.core.$ZodType, input: unknown): boolean {
  const shape = (option._zod.def as { shape?: Record<string, z.core.$ZodType> }).shape;
  const type = shape?.["type"];
  if (type === undefined || typeof input !== "object" || input === null || !("type" in input)) return true;
  return z.safeParse(type, input.type).success;
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text === undefined ? "nothing" : text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

const dotted = (path: Path): string => (path.length === 0 ? "(top level)" : path.map(String).join("."));

/** One sentence an issue, in the order zod found them. */
export function explainIssues(schema: z.core.$ZodType, error: z.core.$ZodError, input: unknown): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      const known = knownKeys(schema, issue.path, input);
      return issue.keys.map((key) => {
        const close = nearest(key, known);
        return `${dotted([...issue.path, key])} is not a known key${close === undefined ? "" : `; did you mean ${close}?`}`;
      });
    }
    const value = valueAt(input, issue.path);
    const got = value === undefined ? (issue.code === "custom" ? "" : "it is missing; ") : `got ${show(value)}; `;
    return [`${dotted(issue.path)}: ${got}${issue.message.replace(/^Invalid input: /, "")}`];
  });
}
