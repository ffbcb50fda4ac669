// The Node versions that Saphena supports, as binaries in the cache, and running tests under one of them. Only tests need them, so a
// version that is not there is an answer (null), not an error: it is then reported as skipped.
import { createHash } from "node:crypto";
import { rename, readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { lastLines, runCommand } from "./command.mjs";
import { SetupError } from "./error.mjs";
import { runNpm } from "./packages.mjs";
import { NODE_BINARIES, platformKey } from "./pins.mjs";
import { cacheFolder, installedItem, itemFolder, provision } from "./provision.mjs";
import { sayOnStderr } from "./progress.mjs";

const majorOf = (version) => version.split(".")[0];

/**
 * One entry for every supported major version: the running Node for its own, else the pinned one when it is in the cache, else null.
 * Never downloads.
 */
export function locateNodeVersions({ cache = cacheFolder(), pins = NODE_BINARIES } = {}) {
  return pins.map((pin) => {
    if (majorOf(pin.version) === majorOf(process.versions.node)) return { version: process.versions.node, binary: process.execPath };
    const folder = itemFolder(itemName(pin), cache);
    const isThere = pin.platform === platformKey() && installedItem(folder) !== undefined;
    return { version: pin.version, binary: isThere ? join(folder, "node") : null };
  });
}

/** As `locateNodeVersions`, after fetching what is missing with npm (about 45 MB each); what cannot be had is said and stays null. */
export async function ensureNodeVersions({ cache = cacheFolder(), pins = NODE_BINARIES, say = sayOnStderr } = {}) {
  for (const pin of pins.filter(({ version }) => majorOf(version) !== majorOf(process.versions.node))) {
    try {
      await provision(itemName(pin), (staging) => fetchNode(pin, staging, say), { cache });
    } catch (error) {
      say(`Node ${pin.version} cannot be had: ${error.message}`);
    }
  }
  return locateNodeVersions({ cache, pins });
}

async function fetchNode(pin, staging, say) {
  if (pin.platform !== platformKey())
    throw new SetupError("SETUP_PLATFORM_UNSUPPORTED", `none is pinned for ${platformKey()}`, `use ${pin.platform}`);
  say(`fetching Node ${pin.version} (once per machine)`);
  const packed = await runNpm(staging, ["pack", `${pin.package}@${pin.version}`, "--loglevel", "error"]);
  const file = (await readdir(staging)).find((name) => name.endsWith(".tgz"));
  if (packed.code !== 0 || file === undefined) {
    const what = `npm could not download ${pin.package}@${pin.version}: ${lastLines(packed.output, 2)}`;
    throw new SetupError("SETUP_DOWNLOAD_FAILED", what, "check the network and the registry (npm ping), then run it again");
  }
  const found = `sha512-${createHash("sha512")
    .update(await readFile(join(staging, file)))
    .digest("base64")}`;
  if (found !== pin.integrity) {
    const what = `${file} has ${found} instead of ${pin.integrity}; it was not used`;
    throw new SetupError("SETUP_HASH_MISMATCH", what, "the registry or something between altered the file: use another registry");
  }
  const unpacked = await runCommand("tar", ["-xzf", file, "package/bin/node"], { cwd: staging });
  if (unpacked.code !== 0)
    throw new SetupError("SETUP_UNPACK_FAILED", `cannot unpack ${file}: ${lastLines(unpacked.output, 2)}`, "install tar");
  await rename(join(staging, "package", "bin", "node"), join(staging, "node"));
  await rm(join(staging, "package"), { recursive: true });
  await rm(join(staging, file));
  return { files: ["node"], facts: { version: pin.version, integrity: pin.integrity } };
}

/** Runs the unit tests under `paths` with that Node. `summary` is the test runner's count, `output` the end of what it printed. */
export async function testUnderNode(binary, root, paths) {
  const runner = join(root, "node_modules", "vitest", "vitest.mjs");
  // Of a runner that this may be called from, nothing is passed on.
  const inherited = Object.keys(process.env).filter((name) => name.startsWith("VITEST"));
  const cleared = Object.fromEntries(inherited.map((name) => [name, undefined]));
  const done = await runCommand(binary, [runner, "run", "--project", "unit", ...paths], { cwd: root, env: { ...cleared, NO_COLOR: "1" } });
  // A file that cannot be loaded fails without a test that does.
  const count = (what) => new RegExp(`^\\s*${what}\\s+(.+?)\\s*$`, "m").exec(done.output)?.[1];
  const files = done.code === 0 ? undefined : count("Test Files");
  const summary = [files && `files: ${files}`, count("Tests") ?? "no tests ran"].filter(Boolean).join("; tests: ");
  return { passed: done.code === 0, summary, output: done.output };
}

function itemName({ version, platform }) {
  return `node/${version}-${platform}`;
}
