// A worker process whose trainer trains nothing: everything else is the production worker.
import { noOpTrainerLauncher } from "@saphena/testing";
import { startWorkerService, workerConfig } from "@saphena/worker";

const REPORTED_EPOCHS = 3;
const service = await startWorkerService(workerConfig(String(process.pid)), noOpTrainerLauncher({ epochs: REPORTED_EPOCHS }));
process.on("SIGTERM", () => void service.stop().then(() => process.exit(0)));
