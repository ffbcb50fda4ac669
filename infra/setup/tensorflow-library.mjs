// The TensorFlow C library in the cache, in one of two variants: for the CPU (one wheel) or for NVIDIA GPUs (TensorFlow's wheel and those of
// the CUDA libraries, in one tree). Needs no npm packages, so it downloads beside `npm ci`.
import { createHash } from "node:crypto";
import { chmod, statfs, symlink } from "node:fs/promises";
import { join } from "node:path";
import { CUDA_LIBRARIES, CUDA_LIBRARY_WHEELS, CUDA_TENSORFLOW_WHEELS } from "./cuda-pins.mjs";
import { SetupError } from "./error.mjs";
import { TENSORFLOW_VERSION, TENSORFLOW_WHEELS, platformKey } from "./pins.mjs";
import { cacheFolder, installedItem, itemFolder, provision } from "./provision.mjs";
import { sayOnStderr } from "./progress.mjs";
import { unpackWheel } from "./wheel.mjs";

/** What must be there, relative to the item's folder. */
export const TENSORFLOW_LIBRARIES = ["tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2"];
/** The binding uses the C API only; the wheel's other 13,000 headers stay out of the cache. */
const HEADERS = ["tensorflow/c/", "tensorflow/core/platform/ctstring", "tsl/platform/ctstring", "xla/tsl/c/"].map(
  (path) => `tensorflow/include/${path}`,
);
/** The unpacked tree, and the largest wheel twice, because pip copies what it has downloaded. */
const CUDA_DISK_BYTES = 4.8e9 + 2 * 0.71e9;

/** Whether there is a TensorFlow library for this platform at all. */
export function hasTensorflow(platform = platformKey()) {
  return TENSORFLOW_WHEELS[platform] !== undefined;
}

/** Whether there is a CUDA variant of the engine for this platform. */
export function hasCudaVariant(platform = platformKey()) {
  return CUDA_TENSORFLOW_WHEELS[platform] !== undefined;
}

/** Bytes that the first set-up of the variant downloads on this platform. */
export function downloadBytes(variant, platform = platformKey()) {
  return wheelsOf(variant, platform).reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

/**
 * Downloads the library into the cache unless it is there; returns the folder of `libtensorflow_cc.so.2`. Throws `SetupError`, before
 * anything is downloaded when the platform has no such variant or the disk has no room for it.
 */
export async function ensureTensorflowLibrary(variant, { cache = cacheFolder(), say = sayOnStderr } = {}) {
  const [tensorflow, ...cudaWheels] = wheelsOf(variant, platformKey());
  const build = async (staging) => {
    if (variant === "cuda") requireRoom(await statfs(cache), cache);
    const target = variant === "cuda" ? "NVIDIA GPUs" : "the CPU";
    const megabytes = Math.round(downloadBytes(variant) / 1e6);
    say(`fetching TensorFlow ${TENSORFLOW_VERSION} for ${target} (${megabytes} MB, once per machine) into ${cache}`);
    const unpack = (wheel, prefixes) => unpackWheel(wheel, { target: staging, scratch: join(staging, "download"), prefixes, say });
    await unpack(tensorflow, [...TENSORFLOW_LIBRARIES, ...HEADERS]);
    for (const wheel of cudaWheels) await unpack(wheel, [...wheel.members.map((path) => `nvidia/${path}`), licenceFolder(wheel)]);
    if (variant === "cuda") await completeCudaTree(staging);
    const wheels = [tensorflow, ...cudaWheels].map(({ file, sha256 }) => ({ file, sha256 }));
    return { files: libraryFiles(variant), facts: { variant, wheels } };
  };
  const folder = await provision(libraryName(variant), build, { cache, ...notices(say) });
  return join(folder, "tensorflow");
}

/** The library's folder when the variant is in the cache and whole, else undefined. */
export function locateTensorflowLibrary(variant, cache = cacheFolder()) {
  const folder = itemFolder(libraryName(variant), cache);
  return installedItem(folder) === undefined ? undefined : join(folder, "tensorflow");
}

/** Files of the variant, relative to the folder that holds `tensorflow/`. */
export function libraryFiles(variant) {
  return variant === "cuda" ? [...TENSORFLOW_LIBRARIES, ...CUDA_LIBRARIES] : TENSORFLOW_LIBRARIES;
}

/** TensorFlow's own wheel first. */
function wheelsOf(variant, platform) {
  const tensorflow = variant === "cuda" ? CUDA_TENSORFLOW_WHEELS[platform] : TENSORFLOW_WHEELS[platform];
  if (tensorflow !== undefined) return variant === "cuda" ? [tensorflow, ...CUDA_LIBRARY_WHEELS] : [tensorflow];
  if (variant === "cuda" && TENSORFLOW_WHEELS[platform] !== undefined)
    throw new SetupError(
      "SETUP_PLATFORM_UNSUPPORTED",
      `there is no TensorFlow library for NVIDIA GPUs for ${platform}`,
      `use one of: ${Object.keys(CUDA_TENSORFLOW_WHEELS).join(", ")}; or compute on the CPU: npm run setup -- --cpu`,
    );
  throw new SetupError(
    "SETUP_PLATFORM_UNSUPPORTED",
    `there is no TensorFlow library for ${platform} yet`,
    `use one of: ${Object.keys(TENSORFLOW_WHEELS).join(", ")} (for example the Docker images)`,
  );
}

/** Throws `SETUP_DISK_FULL` when the file system that `cache` is on (as statfs tells) cannot hold the CUDA variant. */
export function requireRoom({ bavail, bsize }, cache) {
  const freeBytes = bavail * bsize;
  if (freeBytes >= CUDA_DISK_BYTES) return;
  const gigabytes = (bytes) => (bytes / 1e9).toFixed(1);
  throw new SetupError(
    "SETUP_DISK_FULL",
    `the GPU libraries need ${gigabytes(CUDA_DISK_BYTES)} GB while they are unpacked, and ${cache} has ${gigabytes(freeBytes)} GB free`,
    "set SAPHENA_CACHE to a folder on a larger disk, or make room",
  );
}

/** What a plain unzip leaves out. cuDNN looks for NVRTC in `../../nvrtc/lib`, where its wheel does not put it. */
async function completeCudaTree(root) {
  await symlink("cuda_nvrtc", join(root, "nvidia", "nvrtc"));
  await chmod(join(root, "nvidia", "cuda_nvcc", "bin", "ptxas"), 0o755);
}

/** NVIDIA's terms travel with its libraries, into images, too. */
function licenceFolder(wheel) {
  return `${wheel.project.replaceAll("-", "_")}-${wheel.version}.dist-info/`;
}

/** One wheel is known by its hash, several by the hash of their hashes. */
function libraryName(variant) {
  const platform = platformKey();
  const hashes = variant === "cuda" ? wheelsOf(variant, platform).map(({ sha256 }) => sha256) : [TENSORFLOW_WHEELS[platform]?.sha256];
  const [first = "none"] = hashes;
  const key = hashes.length > 1 ? createHash("sha256").update(hashes.join()).digest("hex") : first;
  return `tensorflow/${TENSORFLOW_VERSION}-${variant}-${platform}-${key.slice(0, 8)}`;
}

export function notices(say) {
  return {
    onWait: (owner) => say(`another set-up (process ${owner?.pid ?? "?"}) is at work on the same cache; waiting for it`),
    onDamage: (path) => say(`${path} is damaged; installing it again`),
  };
}
