// Entry of the scheduler process.
import { runService } from "@saphena/service";
import { schedulerOptions } from "./config.ts";
import { startScheduler } from "./scheduler.ts";

await runService(() => startScheduler(schedulerOptions()));
