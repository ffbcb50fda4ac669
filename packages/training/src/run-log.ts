// The log of one attempt: each line goes to whoever listens and into `log.jsonl`, at once, so that a crash loses none.
import { appendFileSync, writeFileSync } from "node:fs";
import type { Report } from "./session.ts";

export type RunLog = (level: "info" | "warn", message: string) => void;

/** Lines are `{ at, level, message }`, `at` in ISO 8601. */
export function openRunLog(path: string, report: Report): RunLog {
  writeFileSync(path, "");
  return (level, message) => {
    appendFileSync(path, `${JSON.stringify({ at: new Date().toISOString(), level, message })}\n`);
    report({ type: "log", level, message });
  };
}
