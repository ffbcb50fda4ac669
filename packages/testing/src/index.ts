// The test kit: real servers as children, folders, waiting, names. Nothing here is imported by production code.
//
//   const redis = await startRedis();
//   const folder = await temporaryFolder("store");
//   await until(() => state() === "completed", { what: "the sweep" });
//   await redis.stop();
export { assertNoLivingChildren, freePort, livingChildren, startChild, type KitChild } from "./child-process.ts";
export { startFaultProxy, type FaultProxy, type HttpFault } from "./fault-proxy.ts";
export { noOpTrainerLauncher, type NoOpTrainerOptions } from "./no-op-trainer.ts";
export { namespace, type Namespace } from "./namespace.ts";
export { startRedis, type RedisOptions, type TestRedis } from "./redis.ts";
export { temporaryFolder } from "./temporary-folder.ts";
export { makeTinyDataset, type TinyDataset, type TinyDatasetOptions } from "./tiny-dataset.ts";
export { until, type UntilOptions } from "./until.ts";
export { NO_S3_REASON, startVersitygw, type TestS3 } from "./versitygw.ts";
