// The worker service. `main.ts` is its process; benchmarks and tests start it with a trainer of their own:
//
//   const trainers = { launch: noOpTrainerLauncher({ epochs: 3 }), close: async () => {} };
//   const service = await startWorkerService(workerConfig("a1"), { usesGpus: false, open: () => trainers });
export { workerConfig } from "./config.ts";
export type { WorkerConfig } from "./config.ts";
export { startWorkerService } from "./service.ts";
export type { TrainerSource, WorkerService } from "./service.ts";
