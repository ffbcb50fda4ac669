// docs/cli.md: every command with its arguments and flags, from the definitions the command line itself runs by.
import { rootCommand } from "@saphena/cli";
import { alternatives, code, page, table } from "./markdown.ts";

/** What is read of a definition; citty's own types vary with the arguments of each command. */
interface Definition {
  type?: string;
  required?: boolean;
  description?: string;
  valueHint?: string;
}
interface Command {
  meta?: unknown;
  args?: unknown;
  subCommands?: unknown;
}
interface Argument {
  /** `SWEEP` or `--trials +N`. */
  form: string;
  isRequired: boolean;
  description: string;
}
interface Leaf {
  name: string;
  description: string;
  args: Argument[];
}

/** Parts of a definition may be given lazily. */
const resolved = async <T>(value: unknown): Promise<T> =>
  ((typeof value === "function" ? await (value as () => unknown)() : await value) ?? {}) as T;

/** Every command that does something, in the order of the help. */
async function leaves(command: Command, name: string): Promise<Leaf[]> {
  const subCommands = Object.entries(await resolved<Record<string, unknown>>(command.subCommands));
  if (subCommands.length > 0) {
    const below = await Promise.all(subCommands.map(async ([word, child]) => leaves(await resolved<Command>(child), `${name} ${word}`)));
    return below.flat();
  }
  const { description = "" } = await resolved<{ description?: string }>(command.meta);
  const args = Object.entries(await resolved<Record<string, Definition>>(command.args));
  return [{ name, description, args: args.map(([argument, definition]) => argumentOf(argument, definition)) }];
}

function argumentOf(name: string, { type, required, description = "", valueHint = "VALUE" }: Definition): Argument {
  if (type === "positional") return { form: name.toUpperCase(), isRequired: required !== false, description };
  return { form: type === "boolean" ? `--${name}` : `--${name} ${valueHint}`, isRequired: required === true, description };
}

function section({ name, description, args }: Leaf): string {
  const usage = [name, ...args.map(({ form, isRequired }) => (isRequired ? form : `[${form}]`))].join(" ");
  const rows = args.map((arg) => [
    code(arg.form),
    arg.isRequired && arg.form.startsWith("--") ? `${arg.description} (required)` : arg.description,
  ]);
  const text = `## ${name}\n\n${description}.\n\n\`\`\`\n${usage}\n\`\`\``;
  return rows.length === 0 ? text : `${text}\n\n${table(["argument", "meaning"], rows)}`;
}

const anchor = (name: string): string => `[${code(name)}](#${name.replaceAll(" ", "-")})`;

export async function cliPage(): Promise<string> {
  const commands = await leaves(rootCommand, "saphena");
  const withJson = commands
    .filter((command) => command.args.some(({ form }) => form === "--json"))
    .map(({ name }) => code(name.replace("saphena ", "")));
  return page(
    "The saphena command",
    `
In a clone: \`npx --no-install saphena COMMAND\`. \`saphena --help\` and \`saphena COMMAND --help\` say the same as this page; \`saphena --version\` prints the version.

${table(
  ["command", ""],
  commands.map(({ name, description }) => [anchor(name), description]),
)}

* **Data goes to stdout, talk to stderr**, so \`ID=$(saphena submit sweep.yaml)\` holds the id alone. \`--json\` prints one JSON document in place of a table: ${alternatives(withJson)}.
* The server is at \`SAPHENA_URL\`, with \`SAPHENA_TOKEN\` where it asks for one (see [environment](environment.md)). A loopback server that refuses connections is waited for, up
  to 15 seconds.
* Without a terminal, with \`NO_COLOR\`, or piped, progress comes as plain lines. \`COLUMNS\` fixes the width of tables.

${table(
  ["exit code", "meaning"],
  [
    ["0", "done; with `--watch`: the sweep is completed"],
    ["1", "failed; with `--watch`: the sweep failed or was cancelled"],
    ["2", "bad input: the command line, the sweep file, the dataset or the environment"],
    ["130", "interrupted by Ctrl-C; with `--watch` only the watching ends, the sweep goes on"],
  ],
)}

An error has a code and a hint; all are in [errors](errors.md).

${commands.map(section).join("\n\n")}
`,
  );
}
