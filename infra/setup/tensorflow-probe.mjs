// Asks the installed engine, in child processes, which devices it sees and which of its libraries load. A caller stays free of TensorFlow,
// and a library that crashes on a broken driver takes only the child with it.
import { execFile } from "node:child_process";
import { basename, dirname, join } from "node:path";
import { CUDA_LIBRARIES } from "./cuda-pins.mjs";
import { locateTensorflow } from "./tensorflow.mjs";

/** A first start on a GPU newer than the library may compile kernels for minutes. */
const TIMEOUT_MS = 300_000;

/** Comes with the driver, not with us. */
const DRIVER_LIBRARY = "libcuda.so.1";

const ASK = `
require("node:util").isNullOrUndefined ??= (value) => value === null || value === undefined;
const tf = require(process.argv[1]);
if (tf.add(1, 2).dataSync()[0] !== 3) throw new Error("1 + 2 is not 3");
process.stdout.write(JSON.stringify({ usesGpu: tf.backend().isUsingGpuDevice }));
`;
/** A library that loads is no Node module either, which the loader says after it loaded; any other text is why it did not. */
const LOAD_EACH = `
const refused = [];
for (const path of process.argv.slice(1)) {
  try {
    process.dlopen({ exports: {} }, path);
  } catch (error) {
    if (!/did not self-register/.test(error.message)) refused.push([path, error.message]);
  }
}
process.stdout.write(JSON.stringify(refused));
`;

/** See index.d.mts. */
export async function probeTensorflow({ env = process.env } = {}) {
  const facts = locateTensorflow();
  if ("missing" in facts) return { kind: "failed", said: facts.missing };
  const packageFolder = dirname(dirname(dirname(facts.bindingPath)));
  // Growth on: asking must not take a card's memory from the trainers that run there.
  const answer = await run(ASK, [packageFolder], { ...env, TF_CPP_MIN_LOG_LEVEL: "0", TF_FORCE_GPU_ALLOW_GROWTH: "true" });
  if (answer.failed !== null) return { kind: "failed", said: answer.failed };
  return { kind: "loaded", usesGpu: JSON.parse(answer.stdout).usesGpu, ...readTalk(answer.stderr) };
}

/** See index.d.mts. */
export async function unloadableLibraries({ env = process.env } = {}) {
  const facts = locateTensorflow();
  if ("missing" in facts || facts.variant !== "cuda") return [];
  const root = dirname(facts.libraryFolder);
  const answer = await run(LOAD_EACH, [DRIVER_LIBRARY, ...CUDA_LIBRARIES.map((path) => join(root, path))], env);
  if (answer.failed !== null) return [{ library: "the CUDA libraries", said: answer.failed }];
  return JSON.parse(answer.stdout).map(([path, said]) => ({ library: basename(path), said: said.replace(`${path}: `, "") }));
}

const CREATED = /Created device \S+device:GPU:\d+ with (\d+) MB memory: .*name: (.*?), pci bus id: .*compute capability: ([\d.]+)/;
const COMPLAINT = /cuInit|dlopen|dynamic library|Ignoring visible/;

/**
 * From TensorFlow's log: the devices it made, and its sentences about GPUs it cannot use. A line looks like
 * `E0000 00:00:1795544663.985761    5374 cuda_platform.cc:52] failed call to cuInit: …`.
 */
export function readTalk(stderr) {
  const said = stderr.split("\n").flatMap((line) => /^[^\]]*\.cc:\d+\] (.*)$/.exec(line)?.[1] ?? []);
  const devices = said.flatMap((sentence) => {
    const [, memoryMb, name, capability] = CREATED.exec(sentence) ?? [];
    return name === undefined ? [] : [`${name}, ${memoryMb} MB, compute capability ${capability}`];
  });
  return { devices: [...new Set(devices)], complaints: [...new Set(said.filter((sentence) => COMPLAINT.test(sentence)))] };
}

function run(program, args, env) {
  return new Promise((resolve) => {
    execFile(process.execPath, ["-e", program, ...args], { env, timeout: TIMEOUT_MS, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      resolve({ stdout, stderr, failed: error === null ? null : reason(error, stderr) });
    });
  });
}

/** The thrown error's line out of Node's report, else how the child ended. */
function reason(error, stderr) {
  const thrown = stderr.split("\n").find((line) => /^\w*Error\b.*: /.test(line));
  return thrown ?? (error.signal ? `it was ended by ${error.signal}` : `it ended with exit code ${error.code}`);
}
