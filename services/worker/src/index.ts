// The worker service. `main.ts` is its process; benchmarks and tests start it with a trainer of their own:
//
//   const service = await startWorkerService(workerConfig("a1"), launchNoOpTrainer);
export { workerConfig } from "./config.ts";
export type { WorkerConfig } from "./config.ts";
export { startWorkerService } from "./service.ts";
export type { WorkerService } from "./service.ts";
export { trainerLauncher } from "./trainer-process.ts";
