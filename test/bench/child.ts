// Child processes of a benchmark: run to the end, what they print as data kept, what they say on stderr passed on.
import { spawn } from "node:child_process";

export interface ChildEnd {
  /** null when a signal ended it, 127 when it could not be started. */
  exitCode: number | null;
  stdout: string;
  /** stdout and stderr as they came. */
  output: string;
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** Called every few seconds with the seconds since the start, so that a long run does not look dead. */
  line?: (seconds: number) => void;
}

const LINE_EVERY_MS = 10_000;

/** Resolves at the end of the program, whatever its exit code. */
export function run(program: string, args: readonly string[], { env, line }: RunOptions = {}): Promise<ChildEnd> {
  return new Promise((resolve) => {
    const beganMs = performance.now();
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const endWithUs = (): void => void child.kill("SIGTERM");
    process.once("exit", endWithUs);
    const ticker = setInterval(() => line?.(Math.round((performance.now() - beganMs) / 1000)), LINE_EVERY_MS);
    const end: ChildEnd = { exitCode: null, stdout: "", output: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      end.stdout += text;
      end.output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (end.output += text));
    const finish = (exitCode: number | null): void => {
      clearInterval(ticker);
      process.off("exit", endWithUs);
      resolve({ ...end, exitCode });
    };
    child.on("error", (error) => {
      end.output += error.message;
      finish(127);
    });
    child.on("close", finish);
  });
}

/** The JSON of the last line that the program printed. Throws with all it said when it failed. */
export async function runForJson(program: string, args: readonly string[], options: RunOptions = {}): Promise<Record<string, unknown>> {
  const { exitCode, stdout, output } = await run(program, args, options);
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  if (exitCode !== 0 || !last.startsWith("{"))
    throw new Error(`${program} ${args.join(" ")} ended with ${exitCode}:\n${output.slice(-4000)}`);
  return JSON.parse(last) as Record<string, unknown>;
}
