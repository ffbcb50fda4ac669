// The scheduler service: the front door and, in whichever replica leads, the loop that decides. Starts whole or not at all.
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { openStore, probeConditionalWrites } from "@saphena/object-store";
import { connectLiveState, createLeaderQueue } from "@saphena/queue";
import type { LiveState } from "@saphena/queue";
import { assertMayBind, listen, serviceLog } from "@saphena/service";
import type { Logger } from "pino";
import { createApi } from "./api/api.ts";
import type { SchedulerOptions } from "./config.ts";
import { DecisionLog } from "./decision-log.ts";
import { Leader } from "./leader/leader.ts";

export interface Scheduler {
  /** Such as `http://127.0.0.1:8321`, with the port that was bound. */
  readonly url: string;
  /** Gives the leadership up, ends requests, closes connections. */
  close(): Promise<void>;
}

/** A pass cut off by an outage is given up after this; nothing of it is lost. */
const LEADER_END_MS = 3000;

/** Throws TOKEN_REQUIRED, STORE_…, REDIS_…, PORT_IN_USE; then nothing is left open. */
export async function startScheduler(options: SchedulerOptions): Promise<Scheduler> {
  assertMayBind(options.host, options.token);
  const log = serviceLog("scheduler", options.logLevel);
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).toReversed()) await close().catch((error: unknown) => log.error({ err: error }, "closing failed"));
  };
  try {
    const url = await open(options, log, (close) => opened.push(close));
    return { url, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function open(options: SchedulerOptions, log: Logger, onClose: (close: () => Promise<void>) => void): Promise<string> {
  const store = await openStore(options.storeUrl, { warn: (line) => log.warn(line) });
  onClose(() => store.close());
  await probeConditionalWrites(store);
  const { redisUrl, namespace, leaseMs } = options;
  const state = await connectLiveState({
    redisUrl,
    namespace,
    leaseMs,
    onWarning: (text) => log.warn(text),
    onError: (error) => log.warn({ err: error }, "redis"),
  });
  onClose(() => state.close());
  const decisions = new DecisionLog(store);
  const queue = createLeaderQueue(state, { owner: `${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`, leaseMs });
  const leader = new Leader({ state, queue, store, decisions, log }, { leaseMs });
  const api = await createApi({ ...options, state, store, decisions, log });
  onClose(() => api.close());
  const url = await listen(api, options);
  onClose(() => endLeader(leader, state));
  await leader.start();
  log.info({ url, store: store.url }, "scheduler listens");
  return url;
}

/** While Redis is away its commands wait; closing the connection ends that wait. */
async function endLeader(leader: Leader, state: LiveState): Promise<void> {
  const timer = setTimeout(() => void state.close(), LEADER_END_MS);
  await leader.close();
  clearTimeout(timer);
}
