// docs/errors.md, from the registry of errors.
import { ERRORS } from "@saphena/contracts";
import { code, page, table } from "./markdown.ts";

export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([name, { what, hint, exitCode, httpStatus }]) => [
    code(name),
    what,
    hint,
    String(exitCode),
    String(httpStatus),
  ]);
  return page(
    "Errors",
    `
An error is printed on stderr as \`error: CODE: what was wrong: details\`, an empty line, and \`hint: what to do\`. Over HTTP the body is
\`{ "error": { "code", "message", "hint" } }\` with the status below. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.
Other codes that begin with \`SETUP_\` come from set-up (\`npm run setup\`), are about the machine, and name their remedy in the hint.

${table(["code", "what was wrong", "what to do", "exit", "HTTP"], rows)}
`,
  );
}
