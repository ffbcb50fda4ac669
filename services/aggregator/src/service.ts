// Opens what the aggregator needs, fills a new index from the store, starts the loop and the read API, and closes in reverse order.
import { openStore } from "@saphena/object-store";
import { connectLiveState } from "@saphena/queue";
import { assertMayBind, listen, serviceLog } from "@saphena/service";
import { startAggregation } from "./aggregate.ts";
import { createApi } from "./api.ts";
import type { AggregatorConfig } from "./config.ts";
import { openIndex } from "./index-database.ts";
import { rebuildIndex } from "./rebuild.ts";
import { applyRetention, sweepsToRetain } from "./retention.ts";

export interface AggregatorService {
  readonly url: string;
  close(): Promise<void>;
}

export async function startAggregator(config: AggregatorConfig): Promise<AggregatorService> {
  const { redisUrl, namespace, host, token } = config;
  assertMayBind(host, token);
  const log = serviceLog("aggregator", config.logLevel);
  const store = await openStore(config.storeUrl, { warn: (line) => log.warn(line) });
  const state = await connectLiveState({
    redisUrl,
    namespace,
    onWarning: (text) => log.warn(text),
    onError: (error) => log.warn({ err: error }, "redis"),
  });
  const index = await openIndex(config.indexPath);
  if (!index.filled) await rebuildIndex(index, store, log);
  const retain = (sweep: string): void => {
    applyRetention(index, store, sweep).then(
      (removed) => log.info({ sweep, removed }, "models beyond keepBest removed"),
      (error: unknown) => log.warn({ err: error, sweep }, "retention failed; it is tried again at the next start"),
    );
  };
  for (const sweep of await sweepsToRetain(index)) retain(sweep);
  const aggregation = startAggregation({ state, index, log, onSettled: retain });
  const api = createApi({ index, store, aggregation, log, token });
  const url = await listen(api, { host, port: config.port });
  log.info({ url, index: config.indexPath }, "aggregator started");
  return {
    url,
    async close() {
      await api.close();
      await aggregation.stop();
      await index.close();
      await state.close();
      await store.close();
    },
  };
}
