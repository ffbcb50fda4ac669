// The Python of the peers (PyTorch, Keras, Optuna): a virtual environment in the cache folder, made once from the exact pins of
// requirements.txt. Benchmarks only look for it; make-venv.ts makes it, because it is a download of 3 GB that nobody wants unasked.
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SetupError, cacheFolder } from "@saphena/setup";
import { REPOSITORY } from "../../system/repository.ts";
import { run } from "../child.ts";

/** Where the peers' own code is. */
export const PEERS: string = join(REPOSITORY, "test", "bench", "peers");
const REQUIREMENTS = join(PEERS, "requirements.txt");
/** Written last: a folder without it is half made. */
const COMPLETE = "complete.json";
/** The pinned packages have wheels for these minor versions of Python 3. */
const PYTHON_MINORS = { oldest: 11, newest: 13 };

/** Changes with the pins, so that a change of requirements.txt makes a new environment. */
function venvFolder(): string {
  const key = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);
  return join(cacheFolder(), "items", "peers-venv", key);
}

const pythonOf = (venv: string): string => join(venv, "bin", "python");

/** The environment's interpreter, or null when it has not been made. */
export function locatePeersPython(): string | null {
  const venv = venvFolder();
  return existsSync(join(venv, COMPLETE)) ? pythonOf(venv) : null;
}

/** As `locatePeersPython`. @throws SetupError that names the command which makes it */
export function requirePeersPython(): string {
  const python = locatePeersPython();
  if (python !== null) return python;
  throw new SetupError(
    "SETUP_PEERS_MISSING",
    "the virtual environment of the peers (PyTorch, Keras, Optuna) is not there",
    "make it once (3 GB of downloads, 8 GB of disk): node test/dist/bench/peers/make-venv.js",
  );
}

/**
 * Makes the environment unless it is there; its interpreter. Built beside its place and moved there whole (its scripts then name the
 * old place, but `python -m` works wherever it lies), so an interrupted or a second making harms nothing. @throws SetupError
 */
export async function ensurePeersPython(say: (line: string) => void): Promise<string> {
  const found = locatePeersPython();
  if (found !== null) return found;
  const version = await pythonVersion();
  const venv = venvFolder();
  const staging = `${venv}-${randomUUID()}`;
  await mkdir(staging, { recursive: true });
  try {
    say(`making the environment with Python ${version}`);
    await step("python3", ["-m", "venv", staging], venvFailure);
    say("installing PyTorch, TensorFlow, Keras and Optuna (3 GB of downloads)");
    const options = ["--disable-pip-version-check", "--no-input", "--only-binary=:all:", "--progress-bar", "off"];
    const line = (seconds: number): void => say(`still installing (${seconds} s)`);
    await step(pythonOf(staging), ["-m", "pip", "install", ...options, "--requirement", REQUIREMENTS], pipFailure, line);
    await step(pythonOf(staging), ["-c", "import torch, keras, optuna, sklearn, PIL"], importFailure);
    await writeFile(join(staging, COMPLETE), JSON.stringify({ python: version }));
    // A folder without the marker is what an older interruption left; one with it was made by somebody else meanwhile.
    if (locatePeersPython() === null) {
      await rm(venv, { recursive: true, force: true });
      await rename(staging, venv);
    }
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return requirePeersPython();
}

async function pythonVersion(): Promise<string> {
  const { exitCode, stdout } = await run("python3", ["-c", "import platform; print(platform.python_version())"]);
  const version = stdout.trim();
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const { oldest, newest } = PYTHON_MINORS;
  if (exitCode === 0 && major === 3 && minor >= oldest && minor <= newest) return version;
  throw new SetupError(
    "SETUP_PYTHON_MISSING",
    exitCode === 0 ? `python3 is ${version}; the pinned packages need 3.${oldest} to 3.${newest}` : "python3 cannot be started",
    `put a Python 3.${oldest} to 3.${newest} first on PATH as python3`,
  );
}

/** Runs one command to its end; `failure` makes the error from the last lines it said. */
async function step(
  program: string,
  args: readonly string[],
  failure: (said: string) => SetupError,
  line?: (seconds: number) => void,
): Promise<void> {
  const { exitCode, output } = await run(program, args, line === undefined ? {} : { line });
  if (exitCode !== 0) throw failure(output.trim().split("\n").slice(-4).join("\n"));
}

const venvFailure = (said: string): SetupError =>
  new SetupError(
    "SETUP_PIP_MISSING",
    `python3 cannot make a virtual environment: ${said}`,
    "Debian/Ubuntu: sudo apt-get install python3-venv python3-pip",
  );

const pipFailure = (said: string): SetupError =>
  new SetupError(
    "SETUP_DOWNLOAD_FAILED",
    `pip could not install the peers: ${said}`,
    "check the network and the disk (8 GB), or point pip at a mirror (PIP_INDEX_URL), then run it again",
  );

const importFailure = (said: string): SetupError =>
  new SetupError(
    "SETUP_PEERS_BROKEN",
    `the installed packages do not load: ${said}`,
    "this machine may miss a system library that is named above",
  );
