// What every service process shares: its environment, its life, its log, its HTTP server.
//
//   const schema = z.object({ SAPHENA_PORT: z.coerce.number().default(8321) });
//   await runService(() => startMine(parseEnvironment(schema, process.env)));
export { assertMayBind, isLoopbackHost } from "./access.ts";
export { parseEnvironment } from "./environment.ts";
export { createHttpServer, listen, sendError } from "./http-server.ts";
export type { Api } from "./http-server.ts";
export { runService } from "./process-entry.ts";
export type { RunningService } from "./process-entry.ts";
export { logLevelSchema, serviceLog } from "./service-log.ts";
export type { LogLevel } from "./service-log.ts";
