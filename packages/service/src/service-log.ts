// Structured log lines on stderr, written at once: what a process said just before it died is what one wants to read.
import { pino } from "pino";
import type { Logger } from "pino";
import { z } from "zod";

export const logLevelSchema = z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info");
export type LogLevel = z.infer<typeof logLevelSchema>;

export function serviceLog(service: string, level: LogLevel, more: Record<string, string> = {}): Logger {
  return pino({ level, base: { service, ...more } }, pino.destination({ dest: 2, sync: true }));
}
