// Starts the real servers that tests run against, knows which of them still live, and ends them with the test process.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { endWithTest, hasEnded } from "./janitor.ts";

export interface KitChild {
  readonly what: string;
  readonly pid: number;
  /** True from the moment the process has ended, for whatever reason. */
  readonly ended: boolean;
  /** The last 4,000 characters of stdout and stderr. */
  output(): string;
  /** Sends the signal and resolves when the process has ended; at once if it has. SIGKILL follows after `graceMs`. */
  end(signal: NodeJS.Signals, graceMs?: number): Promise<void>;
}

const living = new Set<KitChild>();

/** Starts a program in a process group of its own, without input. It dies with this process at the latest. */
export async function startChild(
  what: string,
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<KitChild> {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-4_000);
    });
  }
  await once(child, "spawn"); // rejects when the program cannot be started
  const pid = child.pid ?? 0;
  endWithTest(pid);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => {
      hasEnded(pid);
      living.delete(kitChild);
      resolve();
    });
  });
  const kitChild: KitChild = {
    what,
    pid,
    get ended() {
      return hasExited(child);
    },
    output: () => output,
    end: async (signal, graceMs = 5_000) => {
      if (hasExited(child)) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
  living.add(kitChild);
  return kitChild;
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The children of the kit that still live in this process, e.g. `redis-server (pid 4711)`. */
export function livingChildren(): string[] {
  return [...living].map((child) => `${child.what} (pid ${child.pid})`);
}

/** Throws when a server of the kit was started and not stopped; call it last in a test file (`@saphena/testing/vitest` does). */
export function assertNoLivingChildren(): void {
  const left = livingChildren();
  if (left.length > 0) throw new Error(`still running at the end of the test file, stop() was not called: ${left.join(", ")}`);
}

/** A TCP port of the loopback interface that was free a moment ago; whoever uses it must be ready to lose the race and ask again. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return address.port;
}
