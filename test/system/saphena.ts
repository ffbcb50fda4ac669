// Runs the `saphena` command as a user does, and keeps what it said.
import { spawn } from "node:child_process";
import { LAUNCHER } from "./repository.ts";

export interface CommandResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export function saphena(args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, NO_COLOR: "1", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** The same for a command that has to succeed. */
export async function saphenaDone(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<CommandResult> {
  const result = await saphena(args, options);
  if (result.exitCode !== 0) throw new Error(`saphena ${args.join(" ")} ended with ${result.exitCode}\n${result.stdout}\n${result.stderr}`);
  return result;
}
