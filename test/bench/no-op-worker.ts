// A worker process whose trainer trains nothing: everything else is the production worker.
import { runService } from "@saphena/service";
import { noOpTrainerLauncher } from "@saphena/testing";
import { startWorkerService, workerConfig } from "@saphena/worker";

const REPORTED_EPOCHS = 3;
await runService(() => startWorkerService(workerConfig(String(process.pid)), noOpTrainerLauncher({ epochs: REPORTED_EPOCHS })));
