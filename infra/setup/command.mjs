// Runs one outside program (pip, npm, a compiler) to its end, keeping the tail of what it said for the error message.
import { spawn } from "node:child_process";

const TAIL_CHARACTERS = 4000;
const running = new Set();

/**
 * Resolves to `{ code, output }`; `output` is the last characters of stdout and stderr together. Never rejects on a non-zero
 * exit; a program that cannot be started gives code 127, like a shell.
 */
export function runCommand(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    let output = "";
    const keep = (chunk) => {
      output = (output + chunk).slice(-TAIL_CHARACTERS);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    const finish = (result) => {
      running.delete(child);
      resolve(result);
    };
    child.on("error", (error) => finish({ code: 127, output: error.message }));
    child.on("close", (code, signal) => finish({ code: code ?? 1, output: signal === null ? output : `${output}\nended by ${signal}` }));
  });
}

/** Ends what is still running, so that a set-up that gives up or is interrupted leaves no download behind. */
export function endCommands() {
  for (const child of running) child.kill("SIGTERM");
}

/** The last `count` non-empty lines, for quoting inside a message. */
export function lastLines(output, count = 5) {
  const lines = output.split(/\r?\n|\r/).filter((line) => line.trim() !== "");
  return lines.slice(-count).join("\n");
}
