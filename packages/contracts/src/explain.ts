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

interface Definition {
  type: string;
  innerType?: z.core.$ZodType;
  shape?: Record<string, z.core.$ZodType>;
  options?: z.core.$ZodType[];
  valueType?: z.core.$ZodType;
  element?: z.core.$ZodType;
  in?: z.core.$ZodType;
}

/** The shapes of the objects that may stand at `path`, whichever is meant. */
function alternatives(schema: z.core.$ZodType, path: Path): Record<string, z.core.$ZodType>[] {
  const { type, in: from, innerType, options, shape, valueType, element } = schema._zod.def as Definition;
  const wrapped = (type === "pipe" ? from : undefined) ?? innerType;
  if (wrapped !== undefined) return alternatives(wrapped, path);
  if (options !== undefined) return options.flatMap((option) => alternatives(option, path));
  const [head, ...rest] = path;
  if (head === undefined) return shape === undefined ? [] : [shape];
  const child = shape?.[String(head)] ?? valueType ?? element;
  return child === undefined ? [] : alternatives(child, rest);
}

/** The keys an object schema knows at `path`, unwrapping defaults, optionals and unions (by their discriminator where one fits). */
function knownKeys(schema: z.core.$ZodType, path: Path, input: unknown): string[] {
  const definition = schema._zod.def as Definition;
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

/** What would be right; where there are alternatives, what each would take. */
function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_union") {
    const { options = [] } = issue as { options?: readonly unknown[] }; // of a union that is told apart by one key; zod's type lacks it
    const values = options.filter((option) => typeof option === "string").map(show);
    if (values.length > 0) return `expected one of ${values.join(", ")}`;
    const wanted = issue.errors.flatMap(([first]) => (first === undefined ? [] : [expectation(first).replace(/, received .*$/, "")]));
    if (wanted.length > 0) return [...new Set(wanted)].join(" or ");
  }
  return issue.message.replace(/^Invalid (input|option): /, "");
}

/** The `type` of the alternative that alone knows this key, among those at `path`; undefined where none is, or several are. */
function typeWith(key: string, schema: z.core.$ZodType, path: Path): string | undefined {
  const having = alternatives(schema, path).filter((shape) => key in shape && "type" in shape);
  const type = having.length === 1 ? having[0]!["type"] : undefined;
  const [value] = type?._zod.values ?? [];
  return typeof value === "string" ? value : undefined;
}

/**
 * What is wrong with the one option of a union that the value is of the kind of, so that a slip deep inside an object is named there.
 * Undefined when the value is of no option's kind, or of several.
 */
function meantOption({ path, errors }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] | undefined {
  const ofKind = errors.filter((issues) => issues.every((issue) => issue.path.length > 0 || issue.code === "unrecognized_keys"));
  if (ofKind.length !== 1) return undefined;
  return ofKind[0]!.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

/** One sentence an issue, in the order zod found them. */
export function explainIssues(schema: z.core.$ZodType, error: z.core.$ZodError, input: unknown): string[] {
  return explainEach(schema, error.issues, input);
}

function explainEach(schema: z.core.$ZodType, issues: readonly z.core.$ZodIssue[], input: unknown): string[] {
  return issues.flatMap((issue) => {
    const meant = issue.code === "invalid_union" ? meantOption(issue) : undefined;
    if (meant !== undefined) return explainEach(schema, meant, input);
    if (issue.code === "unrecognized_keys") {
      const known = knownKeys(schema, issue.path, input);
      return issue.keys.map((key) => {
        const type = typeWith(key, schema, issue.path);
        if (type !== undefined) return `${dotted([...issue.path, key])} is a setting of type ${type} alone`;
        const close = nearest(key, known);
        return `${dotted([...issue.path, key])} is not a known key${close === undefined ? "" : `; did you mean ${close}?`}`;
      });
    }
    const value = valueAt(input, issue.path);
    const got = value === undefined ? (issue.code === "custom" ? "" : "it is missing; ") : `got ${show(value)}; `;
    return [`${dotted(issue.path)}: ${got}${expectation(issue)}`];
  });
}
