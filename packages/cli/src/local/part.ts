// One part of a local system (Redis, aggregator, scheduler, a worker): started in a process group of its own with its log in a file,
// started again with growing pauses when it ends by itself, and ended as a group.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { SaphenaError, isErrorCode } from "@saphena/contracts";
import { signalGroup } from "./process-identity.ts";

export interface PartSpec {
  /** Such as `worker-1`; also the name of its log file. */
  name: string;
  /** Run by this Node. */
  script: string;
  args?: readonly string[];
  env: NodeJS.ProcessEnv;
  logPath: string;
}

export interface PartEnd {
  name: string;
  code: number | null;
  signal: NodeJS.Signals | null;
  livedMs: number;
  /** What it said of itself in its log, in the form `error: CODE: message`, when it did. */
  reason: SaphenaError | null;
  /** null = it will not be started again. */
  restartInMs: number | null;
}

export interface PartEvents {
  started(part: Part): void;
  ended(end: PartEnd): void;
}

export interface Part {
  readonly name: string;
  readonly logPath: string;
  /** Of the process that runs now; null between two starts. */
  readonly pid: number | null;
  /** It sent `{"type":"ready"}` over its channel since its last start. */
  readonly isReady: boolean;
  /** Ends it for good: SIGTERM, then SIGKILL to its group. Resolves to false when it had to be killed. */
  stop(graceMs: number): Promise<boolean>;
  /** SIGKILL to its group now; makes a waiting `stop` resolve. */
  kill(): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A part that lived this long begins again with the short pause. */
const HEALTHY_MS = 60_000;

/** How long to wait before the next start, after `endsInARow` ends of which the last came after `livedMs`. */
export function restartPauseMs(endsInARow: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, endsInARow - 1));
}

export function startPart(spec: PartSpec, events: PartEvents): Part {
  let child: ChildProcess | null = null;
  let isReady = false;
  let isStopping = false;
  let endsInARow = 0;
  let timer: NodeJS.Timeout | null = null;
  let onEnd: (() => void) | null = null;

  function start(): void {
    timer = null;
    isReady = false;
    const startedAtMs = Date.now();
    const logStart = statSync(spec.logPath, { throwIfNoEntry: false })?.size ?? 0;
    const log = openSync(spec.logPath, "a");
    // The channel is how the child notices that we are gone, however we went.
    const started = spawn(process.execPath, [spec.script, ...(spec.args ?? [])], {
      detached: true,
      env: spec.env,
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    child = started;
    started.on("message", (message) => {
      if ((message as { type?: unknown } | null)?.type === "ready") isReady = true;
    });
    let over = false;
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (over) return;
      over = true;
      if (started.pid !== undefined) signalGroup(started.pid, "SIGKILL"); // what it may have left in its group
      child = null;
      isReady = false;
      const livedMs = Date.now() - startedAtMs;
      endsInARow = livedMs > HEALTHY_MS ? 1 : endsInARow + 1;
      const restartInMs = isStopping ? null : restartPauseMs(endsInARow);
      if (restartInMs !== null) timer = setTimeout(start, restartInMs);
      onEnd?.();
      events.ended({ name: spec.name, code, signal, livedMs, reason: reasonIn(spec.logPath, logStart), restartInMs });
    };
    started.once("error", () => ended(null, null)); // could not be started at all
    started.once("exit", ended);
    events.started(part);
  }

  const part: Part = {
    name: spec.name,
    logPath: spec.logPath,
    get pid() {
      return child?.pid ?? null;
    },
    get isReady() {
      return isReady;
    },
    async stop(graceMs) {
      isStopping = true;
      if (timer !== null) clearTimeout(timer);
      timer = null;
      const running = child;
      if (running === null) return true;
      const exited = new Promise<void>((resolve) => (onEnd = resolve));
      let killed = false;
      running.kill("SIGTERM");
      const grace = setTimeout(() => {
        killed = true;
        part.kill();
      }, graceMs);
      await exited;
      clearTimeout(grace);
      return !killed;
    },
    kill() {
      isStopping = true;
      const pid = child?.pid;
      if (pid !== undefined && !signalGroup(pid, "SIGKILL")) child?.kill("SIGKILL");
    },
  };
  start();
  return part;
}

const MOST_READ_BYTES = 64 * 1024;

/** The last `error: CODE: message` with its `hint:` that was written behind `from`. */
function reasonIn(logPath: string, from: number): SaphenaError | null {
  let text: string;
  try {
    text = readFileSync(logPath).subarray(from).subarray(-MOST_READ_BYTES).toString("utf8");
  } catch {
    return null;
  }
  return lastError(text);
}

export function lastError(text: string): SaphenaError | null {
  const match = [...text.matchAll(/^error: ([A-Z_]+): ([^]*?)\n\nhint: (.*)$/gm)].at(-1);
  if (match === undefined || !isErrorCode(match[1]!)) return null;
  return SaphenaError.fromBody({ code: match[1], message: match[2]!, hint: match[3]! });
}
