#!/usr/bin/env node
// The one command behind `npm run setup`, `npm run quickstart` and `npm test`: from a clean clone to something that runs. Every step
// looks first and does nothing when its work is done, so that running it again costs about a second.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { endCommands } from "./command.mjs";
import { badOption, cloneKey, variantFromFlags } from "./engine-variant.mjs";
import { formatError } from "./error.mjs";
import { withLock } from "./lock.mjs";
import { askNvidiaDriver } from "./nvidia-driver.mjs";
import { build, installPackages, staleReason } from "./packages.mjs";
import { sayOnStderr } from "./progress.mjs";
import { cacheFolder } from "./provision.mjs";
import { ensureRedis, locateRedis } from "./redis.mjs";
import { ensureTensorflow, tensorflowVariant, tensorflowWork } from "./tensorflow.mjs";
import { downloadBytes, ensureTensorflowLibrary, hasCudaVariant, hasTensorflow } from "./tensorflow-library.mjs";
import { probeTensorflow } from "./tensorflow-probe.mjs";
import { checkNode, requireCompiler, requirePip } from "./toolchain.mjs";
import { ensureVersitygw } from "./versitygw.mjs";

const HELP = `Usage: npm run setup [-- --tests] [-- --gpu | --cpu]

Installs the npm packages, builds, and puts TensorFlow and Redis into the cache (SAPHENA_CACHE, now ${cacheFolder()}).
Running it again is cheap: what is there is kept.

  --gpu     the engine for NVIDIA GPUs (CUDA, ${(downloadBytes("cuda", "linux-x64") / 1e9).toFixed(1)} GB to fetch); this clone keeps it until --cpu
  --cpu     the engine for the CPU, which is what a new clone gets
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
async function preflight(variant) {
  checkNode();
  const { download, compile } = hasTensorflow() ? tensorflowWork(variant) : { download: false, compile: false };
  const checks = [];
  if (download || (locateRedis() === undefined && process.env.SAPHENA_REDIS_URL === undefined)) checks.push(requirePip());
  if (compile) checks.push(Promise.resolve().then(() => requireCompiler()));
  const failures = (await Promise.allSettled(checks)).filter(({ status }) => status === "rejected").map(({ reason }) => reason);
  if (failures.length > 0) throw new AggregateError(failures);
}

/** Native TensorFlow, or nothing where there is none for this platform: training takes the WASM engine then, which npm brings. */
async function ensureLibrary(variant, say) {
  if (hasTensorflow() || variant === "cuda") return ensureTensorflowLibrary(variant, { say });
  say(`there is no TensorFlow for ${process.platform}-${process.arch}: training takes the WASM engine, 6 to 8 times slower`);
}

/** Packages, then the compiler of TypeScript and the one of C++ side by side. One set-up a clone at a time. */
async function prepareClone(variant, libraryReady) {
  const lock = join(cacheFolder(), "locks", "clones", cloneKey(root));
  const onWait = (owner) => sayOnStderr(`set-up: another set-up (process ${owner?.pid ?? "?"}) is at work in this clone; waiting for it`);
  await withLock(
    lock,
    async () => {
      const reason = staleReason(root);
      if (reason !== undefined) {
        sayOnStderr(`set-up: installing npm packages (${reason})`);
        await step("npm packages are installed", (say) => installPackages(root, say));
      }
      const engine = libraryReady.then((folder) =>
        folder === undefined ? undefined : step("TensorFlow is ready", (say) => ensureTensorflow({ say, variant })),
      );
      await Promise.all([step("the build is up to date", (say) => build(root, say)), engine]);
    },
    { onWait },
  );
}

/** Says what the GPUs of this machine are to the engine that was set up; silent where there are none and none were asked for. */
async function reportGpus(variant, requested) {
  if (variant === "cuda") {
    if (requested !== "cuda") return;
    const found = await probeTensorflow();
    const devices = found.kind === "loaded" ? found.devices : [];
    if (devices.length > 0) sayOnStderr(`set-up: TensorFlow sees ${devices.join("; ")}`);
    else sayOnStderr("set-up: TensorFlow sees no GPU here and would compute on the CPU; `npx --no-install saphena doctor` tells why");
    return;
  }
  if (requested === "cpu" || !hasCudaVariant()) return;
  const driver = await askNvidiaDriver();
  if (driver.kind !== "answers") return;
  const names = [...new Set(driver.gpus.map(({ name }) => name))].join(", ");
  const gigabytes = (downloadBytes("cuda") / 1e9).toFixed(1);
  sayOnStderr(`set-up: this machine has ${names}; \`npm run setup -- --gpu\` fetches the engine that uses it (${gigabytes} GB)`);
}

async function main() {
  const flag = { type: "boolean" };
  const { values } = parseArgs({ options: { tests: flag, gpu: flag, cpu: flag, help: { type: "boolean", short: "h" } } });
  if (values.help) return void process.stdout.write(HELP);
  const requested = variantFromFlags(values);
  const variant = tensorflowVariant({ requested });
  const startedAt = performance.now();
  await preflight(variant);
  const libraryReady = step("the TensorFlow library is in the cache", (say) => ensureLibrary(variant, say));
  const work = [libraryReady, prepareClone(variant, libraryReady)];
  if (process.env.SAPHENA_REDIS_URL === undefined || values.tests) work.push(step("Redis is ready", (say) => ensureRedis({ say })));
  if (values.tests) work.push(step("versitygw was looked for", (say) => ensureVersitygw({ say })));
  await Promise.all(work);
  await reportGpus(variant, requested);
  sayOnStderr(`set-up: done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Prints each error in the common form and ends with 1, or with 2 when the command line was wrong. */
function fail(error) {
  endCommands();
  const parserSays = typeof error?.code === "string" && error.code.startsWith("ERR_PARSE_ARGS");
  const errors = parserSays ? [badOption(error.message)] : (error?.errors ?? [error]);
  const wrongUsage = errors.some(({ code }) => code === "SETUP_BAD_OPTION");
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
