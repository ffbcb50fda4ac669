// Reads a service's environment variables by a schema. A message never shows a secret or a URL's password.
import { SaphenaError, explainIssues } from "@saphena/contracts";
import type { z } from "zod";

const SECRET = /TOKEN|SECRET|PASSWORD|_KEY/;

/** Throws ENVIRONMENT_INVALID naming each variable, what it is and what would be right. An empty variable counts as unset. */
export function parseEnvironment<Schema extends z.ZodType>(schema: Schema, environment: NodeJS.ProcessEnv): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new SaphenaError("ENVIRONMENT_INVALID", explainIssues(schema, parsed.error, withoutSecrets(given)).join("; "));
}

function withoutSecrets(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, SECRET.test(name) ? "(hidden)" : value?.replace(/\/\/[^/@]*@/, "//(hidden)@")]),
  );
}
