// `saphena logs RUN`: the log of one run, as its trainer wrote it.
import { defineCommand } from "citty";
import { SaphenaError, parseRunId } from "@saphena/contracts";
import { connect } from "../connection.ts";
import { printData, printJson, say } from "../terminal.ts";
import { jsonFlag } from "./arguments.ts";

export const logsCommand = defineCommand({
  meta: { name: "logs", description: "Print the log of one run" },
  args: {
    run: { type: "positional", required: true, description: "id of a run: SWEEP-TRIAL-FOLD, such as swp_0123456789ab-3-0" },
    json: jsonFlag,
  },
  async run({ args }) {
    if (parseRunId(args.run) === null) {
      throw new SaphenaError("RUN_NOT_FOUND", `${JSON.stringify(args.run)} is no run id`, {
        hint: "a run id is SWEEP-TRIAL-FOLD, such as swp_0123456789ab-3-0",
      });
    }
    const lines = await connect().runLog(args.run);
    if (args.json) return printJson(lines);
    if (lines.length === 0) return say("the log is empty so far");
    printData(lines.map(formatLogLine).join("\n"));
  },
});

/** `15:47:55 epoch 1 of 2: …`, local time; a line of another form as it is. The log of a run is JSON lines once it is committed, text before. */
export function formatLogLine(line: string): string {
  const [, textAt, textLevel, text] = /^(\d{4}-\d{2}-\d{2}T[\d:.]+Z) (\w+) (.*)$/.exec(line) ?? [];
  if (text !== undefined) return formatted({ at: textAt, level: textLevel, message: text }) ?? line;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  return formatted(entry ?? {}) ?? line;
}

interface LogEntry {
  at?: unknown;
  level?: unknown;
  message?: unknown;
}

function formatted({ at, level, message }: LogEntry): string | null {
  if (typeof at !== "string" || typeof message !== "string" || Number.isNaN(Date.parse(at))) return null;
  const time = new Date(at).toTimeString().slice(0, 8);
  return level === "info" ? `${time} ${message}` : `${time} ${String(level)}: ${message}`;
}
