// What every step of the leader's pass works with.
import type { Logger } from "pino";
import type { ObjectStore } from "@saphena/object-store";
import type { LeaderQueue, LiveState } from "@saphena/queue";
import type { DecisionLog } from "../decision-log.ts";

export interface LeaderParts {
  state: LiveState;
  queue: LeaderQueue;
  store: ObjectStore;
  decisions: DecisionLog;
  log: Logger;
}

/** Requests to the object store at once. */
export const STORE_LANES = 32;
