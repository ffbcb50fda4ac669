// Entry of the aggregator process; it ends on SIGTERM, SIGINT, and when the process that started it is gone.
import { SaphenaError } from "@saphena/contracts";
import { aggregatorConfig } from "./config.ts";
import { startAggregator } from "./service.ts";

try {
  const service = await startAggregator(aggregatorConfig());
  const stop = (): void => {
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, stop);
  process.on("disconnect", stop);
  process.send?.({ type: "ready", url: service.url });
} catch (error) {
  fail(error);
}

function fail(thrown: unknown): never {
  const { code, message, hint } = SaphenaError.from(thrown).toBody();
  process.stderr.write(`error: ${code}: ${message}\n\nhint: ${hint}\n`);
  process.exit(1);
}
