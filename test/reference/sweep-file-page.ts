// docs/sweep-file.md and docs/sweep-file.schema.json: every key of the sweep file with type, range and default, from its zod schema.
import { sweepFileSchema } from "@saphena/contracts";
import { z } from "zod";
import { alternatives, code, page, table } from "./markdown.ts";

/** The part of JSON Schema that zod writes for the sweep file. */
interface JsonSchema {
  title?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
}

/** The published JSON Schema (draft 2020-12) of the sweep file as a user writes it. */
export function sweepFileJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(sweepFileSchema, { io: "input" }) as JsonSchema;
  return { title: "Saphena sweep file", ...schema };
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return alternatives(schema.enum.map(code));
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return alternatives(options.map(typeOf));
  if (Array.isArray(schema.type)) return alternatives(schema.type.map((type) => typeOf({ type })));
  switch (schema.type) {
    case "array":
      return `list of ${rangeText(schema.minItems, schema.maxItems)} values: ${typeOf(schema.items ?? {})}`;
    case "integer":
      return `whole number${numberRange(schema)}`;
    case "number":
      return `number${numberRange(schema)}`;
    case "object":
      return "an object";
    case "boolean":
      return "`true` or `false`";
    case "string":
      return schema.maxLength === undefined ? "text" : `text of ${rangeText(schema.minLength, schema.maxLength)} characters`;
    case undefined:
    default:
      return "anything";
  }
}

const grouped = (value: number): string => value.toLocaleString("en-US");

function rangeText(least = 0, most = Number.POSITIVE_INFINITY): string {
  return `${grouped(least)}–${grouped(most)}`;
}

function numberRange(schema: JsonSchema): string {
  const least = isLimit(schema.minimum) ? schema.minimum : undefined;
  const most = isLimit(schema.maximum) ? schema.maximum : undefined;
  if (least !== undefined && most !== undefined) return ` ${least < 0 ? `${grouped(least)} to ${grouped(most)}` : rangeText(least, most)}`;
  const bounds = [
    schema.exclusiveMinimum === undefined ? [] : [`above ${grouped(schema.exclusiveMinimum)}`],
    least === undefined ? [] : [`at least ${grouped(least)}`],
    schema.exclusiveMaximum === undefined ? [] : [`below ${grouped(schema.exclusiveMaximum)}`],
    most === undefined ? [] : [`at most ${grouped(most)}`],
  ].flat();
  return bounds.length === 0 ? "" : ` ${bounds.join(", ")}`;
}

/** zod bounds whole numbers by what a double can hold; no reader cares. */
const isLimit = (bound: number | undefined): boolean => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;

function defaultOf(schema: JsonSchema, isRequired: boolean): string {
  if (isRequired) return "**required**";
  if (schema.default === undefined) return "none";
  // JavaScript and YAML both read 0.00003; a person reads 3e-5.
  if (typeof schema.default === "number" && Math.abs(schema.default) < 1e-4 && schema.default !== 0)
    return code(schema.default.toExponential());
  return code(schema.default);
}

/** Rows of one section; a section within it (`optimizer`) comes last, with its whole path. */
function keyRows(schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    if (value.properties !== undefined) return keyRows(value, `${path}.`);
    const sections = (value.oneOf ?? []).filter(({ properties }) => properties?.["type"] !== undefined);
    if (sections.length > 0) return alternativeRows(sections, `${path}.`);
    // A section that a name can stand for: the name, and then what is in the section.
    const section = value.anyOf?.find(({ properties }) => properties !== undefined);
    return [
      [code(path), typeOf(value), defaultOf(value, schema.required?.includes(key) === true), value.description ?? ""],
      ...(section === undefined ? [] : keyRows(section, `${path}.`)),
    ];
  });
}

/** Rows of a section that comes in types: what they share once, the rest with its type. A missing type means the first. */
function alternativeRows(sections: readonly JsonSchema[], prefix: string): string[][] {
  const rows = sections.map((section) => {
    const { type, ...others } = section.properties ?? {};
    return { type, rows: keyRows({ ...section, properties: others }, prefix) };
  });
  const isShared = (row: string[]): boolean => rows.every((one) => one.rows.some((other) => other.join("|") === row.join("|")));
  const types = rows.map(({ type }, index) => [
    code(`${prefix}type`),
    typeOf(type ?? {}),
    index === 0 ? "where no type is written" : "",
    type?.description ?? "",
  ]);
  return [
    ...types,
    ...(rows[0]?.rows ?? []).filter(isShared),
    ...rows.flatMap((one) =>
      one.rows.filter((row) => !isShared(row)).map(([key, ...rest]) => [`${key}, type ${code(one.type?.const)}`, ...rest]),
    ),
  ];
}

const HEAD = ["key", "value", "default", "meaning"];

function parameterTables(parameters: JsonSchema): string {
  const kind = typeof parameters.additionalProperties === "object" ? parameters.additionalProperties : {};
  return (kind.oneOf ?? kind.anyOf ?? [])
    .map((option) => {
      const type = String(option.properties?.["type"]?.const);
      const { type: _type, ...others } = option.properties ?? {};
      return `### type: ${type}\n\n${table(HEAD, keyRows({ ...option, properties: others }, ""))}`;
    })
    .join("\n\n");
}

export function sweepFilePage(example: string): string {
  const { properties = {}, required = [] } = sweepFileJsonSchema();
  const { parameters = {}, ...others } = properties;
  const isSection = ([, value]: [string, JsonSchema]): boolean => value.properties !== undefined;
  const plain = Object.fromEntries(Object.entries(others).filter((entry) => !isSection(entry)));
  const sections = Object.entries(others)
    .filter(isSection)
    .map(([key, value]) => `## ${key}\n\n${table(HEAD, keyRows(value, `${key}.`))}`);
  return page(
    "The sweep file",
    `
YAML or JSON. \`name\`, \`dataset\` and \`budget.trials\` are required; everything else has the default shown. A key that does not exist is refused, with the
nearest one that does. A whole file, the quickstart's:

\`\`\`yaml
${example.trim()}
\`\`\`

[sweep-file.schema.json](sweep-file.schema.json) is the same as a JSON Schema: with \`# yaml-language-server: $schema=PATH\` as the first line, editors
complete and check the file while you write it.

${table(HEAD, keyRows({ properties: plain, required }, ""))}

## parameters

What is searched: each key is a path into \`model\` or \`train\`, such as \`train.optimizer.learningRate\`, and its value says what is drawn. Limits that span
keys (such as \`inputSize\` being divisible by 2^(depth-1)) are checked over every combination the space allows, before anything is queued. No
parameters: every trial is the file's own configuration.

\`\`\`yaml
parameters:
  train.optimizer.learningRate: { type: float, min: 0.0001, max: 0.1, log: true }
  model.depth: { type: int, min: 3, max: 5 }
  model.baseFilters: { type: categorical, values: [16, 32] }
\`\`\`

${parameterTables(parameters)}

${sections.join("\n\n")}
`,
  );
}
