// The aggregator service. `main.ts` is its process; tests start it in theirs:
//
//   const aggregator = await startAggregator(aggregatorConfig());
export { aggregatorConfig } from "./config.ts";
export type { AggregatorConfig } from "./config.ts";
export { startAggregator } from "./service.ts";
export type { AggregatorService } from "./service.ts";
