// The life of a service process: it says when it is ready, stops on SIGTERM, SIGINT and when whoever started it is gone, and ends
// with one error and a hint when it cannot start.
import { SaphenaError } from "@saphena/contracts";

export interface RunningService {
  /** Of its HTTP server, when it has one. */
  readonly url?: string;
  close(): Promise<void>;
}

/** Starts the service and keeps the process until it is stopped. A parent that forked it is known to be gone when the IPC channel closes. */
export async function runService(start: () => Promise<RunningService>): Promise<void> {
  try {
    const service = await start();
    let stopping = false;
    const stop = (): void => {
      if (stopping) return;
      stopping = true;
      service.close().then(() => process.exit(0), fail);
    };
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, stop);
    process.on("disconnect", stop);
    process.send?.({ type: "ready", ...(service.url === undefined ? {} : { url: service.url }) });
  } catch (error) {
    fail(error);
  }
}

function fail(thrown: unknown): never {
  const error = SaphenaError.from(thrown);
  process.stderr.write(`error: ${error.code}: ${error.message}\n\nhint: ${error.hint}\n`);
  process.exit(error.exitCode);
}
