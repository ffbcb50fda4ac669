// The scheduler as a library, for tests and for running it inside another process.
//
//   const scheduler = await startScheduler(schedulerOptions(process.env));
//   await scheduler.close();
export { schedulerOptions } from "./config.ts";
export type { SchedulerOptions } from "./config.ts";
export { startScheduler } from "./scheduler.ts";
export type { Scheduler } from "./scheduler.ts";
