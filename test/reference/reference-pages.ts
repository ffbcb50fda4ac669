// The reference pages under docs/, made from schemas, the error registry and the command definitions, so that they cannot drift.
import { ENVIRONMENT, ERRORS, sweepFileSchema } from "@saphena/contracts";
import { z } from "zod";

const MADE = "<!-- Made by `npm run docs`; edit the source it is made from. -->";

type JsonSchema = {
  type?: string;
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
  pattern?: string;
};

/** The published JSON Schema of the sweep file, as a user writes it. */
export function sweepFileJsonSchema(): JsonSchema {
  return z.toJSONSchema(sweepFileSchema, { io: "input" }) as JsonSchema;
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return [...new Set(options.map(typeOf))].join(" or ");
  if (schema.type === "array") return `list of ${schema.items === undefined ? "anything" : typeOf(schema.items)}`;
  return `${schema.type ?? "anything"}${rangeOf(schema)}`;
}

function rangeOf(schema: JsonSchema): string {
  const bounds: string[] = [];
  if (schema.exclusiveMinimum !== undefined) bounds.push(`> ${schema.exclusiveMinimum}`);
  else if (schema.minimum !== undefined && schema.minimum > Number.MIN_SAFE_INTEGER) bounds.push(`≥ ${schema.minimum}`);
  if (schema.exclusiveMaximum !== undefined) bounds.push(`< ${schema.exclusiveMaximum}`);
  else if (schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER) bounds.push(`≤ ${schema.maximum}`);
  return bounds.length === 0 ? "" : ` ${bounds.join(", ")}`;
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

function keyRows(schema: JsonSchema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    if (value.properties !== undefined) return keyRows(value, `${path}.`);
    const fallback =
      schema.required?.includes(key) === true ? "required" : value.default === undefined ? "" : `\`${JSON.stringify(value.default)}\``;
    return [`| \`${path}\` | ${cell(typeOf(value))} | ${fallback} | ${cell(value.description ?? "")} |`];
  });
}

export function sweepFilePage(): string {
  const schema = sweepFileJsonSchema();
  const parameter = schema.properties?.["parameters"]?.additionalProperties;
  const kinds = typeof parameter === "object" ? (parameter.oneOf ?? parameter.anyOf ?? []) : [];
  const kindRows = kinds.flatMap((kind) =>
    keyRows(kind, "").map((row) => row.replace("| `", `| ${String(kind.properties?.["type"]?.const ?? "")} \``)),
  );
  return `${MADE}
# The sweep file

YAML or JSON. Required: \`name\`, \`dataset\`, \`budget\`; everything else has the default shown. Unknown keys are refused with the nearest match. The JSON Schema is
[sweep-file.schema.json](sweep-file.schema.json); editors use it with \`# yaml-language-server: $schema=…\` as the first line.

| key | type | default | |
|---|---|---|---|
${keyRows({ ...schema, properties: { ...schema.properties, parameters: { type: "object", description: "see below" } } }, "").join("\n")}

## parameters

A key is a path into \`model\` or \`train\`, such as \`train.optimizer.learningRate\`; its value says how it is drawn. Limits that span keys (such as the input
size's divisibility by 2^(depth-1)) are checked over every combination the space allows, before anything is queued.

| type and key | type | default | |
|---|---|---|---|
${kindRows.join("\n")}
`;
}

export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { what, hint, exitCode, httpStatus }]) => `| \`${code}\` | ${cell(what)} | ${cell(hint)} | ${exitCode} | ${httpStatus} |`,
  );
  return `${MADE}
# Errors

An error is printed on stderr as \`error: CODE: what was wrong\`, a blank line, and \`hint: what to do\`. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted. Over HTTP the
body is \`{ "error": { "code", "message", "hint" } }\`.

| code | what was wrong | what to do | exit | HTTP |
|---|---|---|---|---|
${rows.join("\n")}
`;
}

export function environmentPage(): string {
  const rows = Object.entries(ENVIRONMENT).map(([name, meaning]) => `| \`${name}\` | ${cell(meaning)} |`);
  return `${MADE}
# Environment variables

| variable | meaning |
|---|---|
${rows.join("\n")}
`;
}
