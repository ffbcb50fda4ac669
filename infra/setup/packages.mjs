// The npm packages and the compiled output of the clone: installed when they differ from the lock file, built incrementally.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { lastLines, runCommand } from "./command.mjs";
import { SetupError } from "./error.mjs";
import { withProgress } from "./progress.mjs";
import { findProgram } from "./toolchain.mjs";

/**
 * Why `npm ci` has to run, or undefined when node_modules holds what package-lock.json asks for. npm keeps what it installed in
 * node_modules/.package-lock.json, so that a plain `npm ci` or `npm install` by hand counts, too.
 */
export function staleReason(root) {
  const wanted = readPackages(join(root, "package-lock.json"));
  const installed = readPackages(join(root, "node_modules", ".package-lock.json"));
  if (wanted === undefined) return "package-lock.json cannot be read";
  if (installed === undefined) return "nothing is installed";
  for (const [path, entry] of Object.entries(wanted)) {
    const reason = path === "" ? undefined : difference(root, path, entry, installed[path]);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function difference(root, path, wanted, installed) {
  // Optional packages are for other platforms as well: absent is fine, another version is not.
  if (installed === undefined) return wanted.optional || wanted.devOptional ? undefined : `${path} is missing`;
  if (installed.version !== wanted.version || installed.integrity !== wanted.integrity) return `${path} is another version`;
  return wanted.link === true && !existsSync(join(root, path)) ? `${path} is missing` : undefined;
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/** Runs `npm ci`; the repository's .npmrc keeps package install scripts off. */
export async function installPackages(root, say) {
  const startedAt = Date.now();
  const line = () => `still installing npm packages (${Math.round((Date.now() - startedAt) / 1000)} s)`;
  const done = await withProgress(() => runNpm(root, ["ci", "--no-audit", "--no-fund", "--loglevel", "error"]), { say, line });
  if (done.code === 0) return;
  throw new SetupError(
    "SETUP_NPM_FAILED",
    `npm ci failed: ${npmReason(done.output)}`,
    "check the network and the registry (npm ping), then run it again",
  );
}

/** npm says what went wrong first and general advice after it. */
function npmReason(output) {
  const lines = output.split("\n").filter((line) => line.startsWith("npm error"));
  return lines.length === 0 ? lastLines(output) : lines.slice(0, 4).join("\n");
}

/** `tsc -b`, then the dashboard's bundle when its sources are newer than it. Both are quick when nothing changed. */
export async function build(root, say) {
  const compile = await withProgress(
    () => runCommand(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b"], { cwd: root }),
    {
      say,
      line: () => "still compiling",
    },
  );
  if (compile.code !== 0) throw buildFailure("tsc -b", compile.output);
  if (!dashboardIsStale(root)) return;
  const bundle = await withProgress(() => runNpm(root, ["run", "-s", "build", "-w", "services/dashboard"]), {
    say,
    line: () => "still building the dashboard",
  });
  if (bundle.code !== 0) throw buildFailure("the dashboard's build", bundle.output);
}

function buildFailure(what, output) {
  return new SetupError(
    "SETUP_BUILD_FAILED",
    `${what} failed:\n${lastLines(output, 20)}`,
    "in a clean clone this is a bug of Saphena; in a changed one, mend the named lines (npm run build)",
  );
}

function dashboardIsStale(root) {
  const folder = join(root, "services", "dashboard");
  const sources = ["services/dashboard", "packages/client/src", "packages/contracts/src"].map((path) => join(root, path));
  const built = statSync(join(folder, "dist", "index.html"), { throwIfNoEntry: false });
  return built === undefined || sources.some((source) => newestChange(source) > built.mtimeMs);
}

function newestChange(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !["dist", "dist-types", "node_modules"].includes(name));
  const times = entries.map((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? newestChange(path) : statSync(path).mtimeMs;
  });
  return Math.max(0, ...times);
}

/** The npm that started us when there is one (`npm run …` names it), else the one on PATH. */
export function runNpm(root, args) {
  const npm = process.env.npm_execpath;
  if (npm?.endsWith(".js")) return runCommand(process.execPath, [npm, ...args], { cwd: root });
  const found = findProgram("npm");
  if (found === undefined) throw new SetupError("SETUP_NPM_MISSING", "npm is not on PATH", "install Node with npm from https://nodejs.org");
  return runCommand(found, args, { cwd: root });
}
