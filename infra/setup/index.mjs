// What other packages use of set-up: where the real parts are, and making sure of them. The command itself is setup.mjs.
export { SetupError, formatError } from "./error.mjs";
export { locateNodeVersions, testUnderNode } from "./node-versions.mjs";
export { cacheFolder } from "./provision.mjs";
export { ensureRedis, locateRedis } from "./redis.mjs";
export { CUDA_DRIVER_FLOOR } from "./cuda-pins.mjs";
export { askNvidiaDriver } from "./nvidia-driver.mjs";
export { ensureTensorflow, locateTensorflow } from "./tensorflow.mjs";
export { downloadBytes, hasCudaVariant } from "./tensorflow-library.mjs";
export { probeTensorflow, unloadableLibraries } from "./tensorflow-probe.mjs";
export { ensureVersitygw, locateVersitygw } from "./versitygw.mjs";
