// A worker process whose trainer trains nothing: everything else is the production worker.
import { runService } from "@saphena/service";
import { noOpTrainerLauncher } from "@saphena/testing";
import { startWorkerService, workerConfig } from "@saphena/worker";

const REPORTED_EPOCHS = 3;
const trainers = { launch: noOpTrainerLauncher({ epochs: REPORTED_EPOCHS }), close: () => Promise.resolve() };
await runService(() => startWorkerService(workerConfig(String(process.pid)), { usesGpus: false, open: () => trainers }));
