// Finds versitygw, the real S3 server that the object-store tests run on: on PATH, in the cache, else built with Go when Go is there.
// Only tests need it, so its absence is an answer (null), not an error: they are then reported as skipped.
import { join } from "node:path";
import { lastLines, runCommand } from "./command.mjs";
import { VERSITYGW_VERSION, platformKey } from "./pins.mjs";
import { cacheFolder, installedItem, itemFolder, provision } from "./provision.mjs";
import { sayOnStderr, withProgress } from "./progress.mjs";
import { findProgram } from "./toolchain.mjs";

const MODULE = "github.com/versity/versitygw/cmd/versitygw";

/** Path of a versitygw that can be started now, or null. */
export function locateVersitygw({ cache = cacheFolder(), env = process.env } = {}) {
  const onPath = findProgram("versitygw", env);
  if (onPath !== undefined) return onPath;
  const folder = itemFolder(versitygwName(), cache);
  return installedItem(folder) === undefined ? null : join(folder, "versitygw");
}

/** As `locateVersitygw`, but builds it into the cache when Go is installed (about a minute). A failed build says why and gives null. */
export async function ensureVersitygw({ cache = cacheFolder(), env = process.env, say = sayOnStderr } = {}) {
  const found = locateVersitygw({ cache, env });
  const go = findProgram("go", env);
  if (found !== null || go === undefined) return found;
  const build = async (staging) => {
    say(`building versitygw ${VERSITYGW_VERSION} with Go (about a minute, once per machine) into ${cache}`);
    const startedAt = Date.now();
    const done = await withProgress(
      () => runCommand(go, ["install", `${MODULE}@${VERSITYGW_VERSION}`], { env: { ...env, GOBIN: staging, GOFLAGS: "" } }),
      {
        say,
        line: () => `still building versitygw (${Math.round((Date.now() - startedAt) / 1000)} s)`,
      },
    );
    if (done.code !== 0) throw new Error(lastLines(done.output, 3));
    return { files: ["versitygw"], facts: { version: VERSITYGW_VERSION } };
  };
  try {
    await provision(versitygwName(), build, { cache, onWait: () => say("another set-up is building versitygw; waiting for it") });
  } catch (error) {
    say(`versitygw could not be built, so the S3 tests will be skipped: ${error.message}`);
  }
  return locateVersitygw({ cache, env });
}

function versitygwName() {
  return `versitygw/${VERSITYGW_VERSION}-${platformKey()}`;
}
