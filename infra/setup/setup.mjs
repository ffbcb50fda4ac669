#!/usr/bin/env node
// The one command behind `npm run setup`, `npm run quickstart` and `npm test`: from a clean clone to something that runs. Every step
// looks first and does nothing when its work is done, so that running it again costs about a second.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { endCommands } from "./command.mjs";
import { SetupError, formatError } from "./error.mjs";
import { withLock } from "./lock.mjs";
import { build, installPackages, staleReason } from "./packages.mjs";
import { sayOnStderr } from "./progress.mjs";
import { cacheFolder } from "./provision.mjs";
import { ensureRedis, locateRedis } from "./redis.mjs";
import { ensureTensorflow, ensureTensorflowLibrary, tensorflowWork } from "./tensorflow.mjs";
import { checkNode, requireCompiler, requirePip } from "./toolchain.mjs";
import { ensureVersitygw } from "./versitygw.mjs";

const HELP = `Usage: npm run setup [-- --tests]

Installs the npm packages, builds, and puts TensorFlow and Redis into the cache (SAPHENA_CACHE, now ${cacheFolder()}).
Running it again is cheap: what is there is kept.

  --tests   also builds versitygw, the S3 server that tests run on, when Go is installed
  --help    this text
`;

const root = join(import.meta.dirname, "..", "..");

/** Runs one step and says what it took; a step of under half a second had nothing to do and stays silent. */
async function step(title, work) {
  const startedAt = performance.now();
  const result = await work((line) => sayOnStderr(`set-up: ${line}`));
  const seconds = (performance.now() - startedAt) / 1000;
  if (seconds >= 0.5) sayOnStderr(`set-up: ${title} (${seconds.toFixed(1)} s)`);
  return result;
}

/** Everything that must be on the machine for the work that is left; all that is missing is reported at once, before any download. */
async function preflight() {
  checkNode();
  const { download, compile } = tensorflowWork();
  const checks = [];
  if (download || (locateRedis() === undefined && process.env.SAPHENA_REDIS_URL === undefined)) checks.push(requirePip());
  if (compile) checks.push(Promise.resolve().then(() => requireCompiler()));
  const failures = (await Promise.allSettled(checks)).filter(({ status }) => status === "rejected").map(({ reason }) => reason);
  if (failures.length > 0) throw new AggregateError(failures);
}

/** Packages, then the compiler of TypeScript and the one of C++ side by side. One set-up a clone at a time. */
async function prepareClone(libraryReady) {
  const lock = join(cacheFolder(), "locks", "clones", createHash("sha256").update(root).digest("hex").slice(0, 16));
  const onWait = (owner) => sayOnStderr(`set-up: another set-up (process ${owner?.pid ?? "?"}) is at work in this clone; waiting for it`);
  await withLock(
    lock,
    async () => {
      const reason = staleReason(root);
      if (reason !== undefined) {
        sayOnStderr(`set-up: installing npm packages (${reason})`);
        await step("npm packages are installed", (say) => installPackages(root, say));
      }
      const engine = libraryReady.then(() => step("TensorFlow is ready", (say) => ensureTensorflow({ say })));
      await Promise.all([step("the build is up to date", (say) => build(root, say)), engine]);
    },
    { onWait },
  );
}

async function main() {
  const { values } = parseArgs({ options: { tests: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  if (values.help) return void process.stdout.write(HELP);
  const startedAt = performance.now();
  await preflight();
  const libraryReady = step("the TensorFlow library is in the cache", (say) => ensureTensorflowLibrary({ say }));
  const work = [libraryReady, prepareClone(libraryReady)];
  if (process.env.SAPHENA_REDIS_URL === undefined || values.tests) work.push(step("Redis is ready", (say) => ensureRedis({ say })));
  if (values.tests) work.push(step("versitygw was looked for", (say) => ensureVersitygw({ say })));
  await Promise.all(work);
  sayOnStderr(`set-up: done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Prints each error in the common form and ends with 1, or with 2 when the command line was wrong. */
function fail(error) {
  endCommands();
  const wrongUsage = typeof error?.code === "string" && error.code.startsWith("ERR_PARSE_ARGS");
  const errors = wrongUsage
    ? [new SetupError("SETUP_BAD_OPTION", error.message, "see npm run setup -- --help")]
    : (error?.errors ?? [error]);
  for (const each of errors) {
    process.stderr.write(formatError(each));
    if (process.env.SAPHENA_DEBUG) console.error(each);
  }
  process.exit(wrongUsage ? 2 : 1);
}

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  process.on(signal, () => {
    endCommands();
    process.exit(code);
  });
}
await main().catch(fail);
