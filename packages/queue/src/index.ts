// Live state and delivery over Redis; nothing else in Saphena sees ioredis or BullMQ.
//
//   const state = await connectLiveState({ redisUrl: "redis://127.0.0.1:6379", namespace: "saphena" });
//   await state.submitSweep(record);
//   const leader = createLeaderQueue(state, { owner: "scheduler-1" });
//   if (await leader.tryLead()) await leader.dispatch(runs);
export { connectLiveState } from "./live-state.ts";
export type { EditReply, LiveState, Retry } from "./live-state.ts";
export type { QueueOptions } from "./connection.ts";
export type { StreamBatch, StreamIds } from "./streams.ts";
export { createLeaderQueue } from "./leader-queue.ts";
export type { LeaderQueue, NewTrial, TrialSettlement } from "./leader-queue.ts";
export { createWorkerQueue } from "./worker-queue.ts";
export type { CheckpointReply, Claim, HeartbeatReply, RunningAttempt, WorkerOptions, WorkerQueue } from "./worker-queue.ts";
export type { Delivery } from "./delivery.ts";
