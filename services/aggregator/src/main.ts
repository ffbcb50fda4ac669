// Entry of the aggregator process.
import { runService } from "@saphena/service";
import { aggregatorConfig } from "./config.ts";
import { startAggregator } from "./service.ts";

await runService(() => startAggregator(aggregatorConfig()));
