// Finds the programs that set-up needs from the machine, each with the line that installs it when it is missing.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runCommand } from "./command.mjs";
import { SetupError } from "./error.mjs";

/** Vite, oxlint and knip ask for it; 20.19 is also the first 20 that can `require` an ES module. */
const NODE_FLOOR = [20, 19];

/** Absolute path of a program on PATH, or undefined. */
export function findProgram(name, env = process.env) {
  for (const folder of (env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (folder !== "" && isExecutable(path)) return path;
  }
  return undefined;
}

export function checkNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [wantMajor, wantMinor] = NODE_FLOOR;
  if (major > wantMajor || (major === wantMajor && minor >= wantMinor)) return;
  throw new SetupError(
    "SETUP_NODE_TOO_OLD",
    `Node ${version} is too old; Saphena needs ${wantMajor}.${wantMinor} or newer`,
    "install Node 20, 22 or 24 from https://nodejs.org",
  );
}

/** The python3 to use, after checking that it has pip. */
export async function requirePip(env = process.env) {
  const python = findProgram("python3", env);
  if (python === undefined) {
    throw new SetupError(
      "SETUP_PYTHON_MISSING",
      "python3 is not on PATH; its pip downloads the TensorFlow library",
      "Debian/Ubuntu: sudo apt-get install python3 python3-pip; Fedora: sudo dnf install python3-pip",
    );
  }
  const { code } = await runCommand(python, ["-m", "pip", "--version"], { env });
  if (code !== 0)
    throw new SetupError(
      "SETUP_PIP_MISSING",
      `${python} has no pip module`,
      "Debian/Ubuntu: sudo apt-get install python3-pip; elsewhere: python3 -m ensurepip --user",
    );
  return python;
}

/** The C++ compiler: `CXX`, else g++, c++ or clang++ on PATH. */
export function requireCompiler(env = process.env) {
  const named =
    env.CXX === undefined || env.CXX === "" ? undefined : (findProgram(env.CXX, env) ?? (isExecutable(env.CXX) ? env.CXX : undefined));
  const found = named ?? ["g++", "c++", "clang++"].map((name) => findProgram(name, env)).find((path) => path !== undefined);
  if (found !== undefined) return found;
  throw new SetupError(
    "SETUP_COMPILER_MISSING",
    "no C++ compiler on PATH; the TensorFlow binding is compiled from source once",
    "Debian/Ubuntu: sudo apt-get install g++; Fedora: sudo dnf install gcc-c++",
  );
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
