// Finds the schema of one setting by its path, whatever sections and alternatives lie on the way.
import { z } from "zod";
import { SaphenaError } from "./errors.ts";
import { modelSchema, trainSchema } from "./sweep-file.ts";

const root = z.strictObject({ model: modelSchema, train: trainSchema });

interface Definition {
  innerType?: z.ZodType;
  options?: z.ZodType[];
  shape?: Record<string, z.ZodType>;
}
const definitionOf = (schema: z.ZodType): Definition => schema._zod.def as Definition;

/** The sections a schema stands for, its defaults taken off: one, or the alternatives of a union. */
function sectionsOf(schema: z.ZodType): Record<string, z.ZodType>[] {
  const { innerType, options, shape } = definitionOf(schema);
  if (innerType !== undefined) return sectionsOf(innerType);
  if (options !== undefined) return options.flatMap(sectionsOf);
  return shape === undefined ? [] : [shape];
}

/**
 * What the setting at `path` takes by itself. Where sections are alternatives (the types of an optimizer), a setting takes what any of
 * those takes that has it. INTERNAL for a path that is not one.
 */
export function settingSchema(path: string): z.ZodType {
  const found = path
    .split(".")
    .reduce<z.ZodType[]>(
      (schemas, key) => schemas.flatMap((schema) => sectionsOf(schema).flatMap((section) => section[key] ?? [])),
      [root],
    );
  if (found.length === 0) throw new SaphenaError("INTERNAL", `no schema for the setting ${path}`);
  return found.length === 1 ? found[0]! : z.union(found);
}
