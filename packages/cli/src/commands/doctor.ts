// `saphena doctor`: what is here and what is missing, each red line with its remedy.
import { defineCommand } from "citty";
import { cliEnvironment } from "../environment.ts";
import { runChecks, type Check } from "../doctor/checks.ts";
import { fitted, printData, printJson, styled } from "../terminal.ts";
import { jsonFlag } from "./arguments.ts";

const MARKS = { ok: "ok", note: "--", bad: "!!" } as const;
const STYLES = { ok: "green", note: "yellow", bad: "red" } as const;

export const doctorCommand = defineCommand({
  meta: { name: "doctor", description: "Check engine, Redis, store, devices and server; exit code 1 when something needed is missing" },
  args: { json: jsonFlag },
  async run({ args }) {
    const checks = await runChecks(cliEnvironment());
    if (args.json) printJson(checks);
    else printData(fitted(checks.map(describeCheck).join("\n"), process.stdout));
    if (checks.some(({ state }) => state === "bad")) process.exitCode = 1;
  },
});

function describeCheck({ name, state, detail, remedy }: Check): string {
  const line = `${styled(STYLES[state], MARKS[state])}  ${name.padEnd(8)}  ${detail}`;
  return remedy === null ? line : `${line}\n${" ".repeat(14)}${styled("bold", "remedy:")} ${remedy}`;
}
