// docs/environment.md, from the registry of environment variables.
import { ENVIRONMENT } from "@saphena/contracts";
import { code, page, table } from "./markdown.ts";

export function environmentPage(): string {
  const rows = Object.entries(ENVIRONMENT).map(([name, variable]) => [
    code(name),
    variable.what,
    variable.default === null ? "none" : code(variable.default),
    variable.readBy.join(", "),
  ]);
  return page(
    "Environment variables",
    `
An empty variable is as good as an unset one. On one machine \`saphena up\` needs none of them and sets those of its parts itself; services that you start yourself need
\`SAPHENA_REDIS_URL\` and \`SAPHENA_STORE\` at least. A value that cannot be used ends the program with ENVIRONMENT_INVALID before it does anything. A trainer sees none of
the credentials.

${table(["variable", "meaning", "default", "read by"], rows)}
`,
  );
}
