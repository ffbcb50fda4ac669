// What the Redis streams carry to the aggregator and to live views. Each entry has one field, `event`, holding JSON.
import { z } from "zod";
import { attemptFailureSchema, epochPointsSchema, finalStateSchema, runResultSchema, stateSchema, sweepRecordSchema } from "./records.ts";
import { parametersSchema } from "./sweep-file.ts";

export const outcomeEventSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("sweepSubmitted"), record: sweepRecordSchema }),
  z.strictObject({ type: z.literal("sweepState"), sweep: z.string(), state: stateSchema, reason: z.string().nullable() }),
  z.strictObject({
    type: z.literal("trialCreated"),
    sweep: z.string(),
    trial: z.int(),
    parameters: parametersSchema,
    folds: z.int(),
    retryOf: z.int().nullable(),
  }),
  z.strictObject({
    type: z.literal("trialSettled"),
    sweep: z.string(),
    trial: z.int(),
    state: finalStateSchema,
    reason: z.string().nullable(),
    value: z.number().nullable(),
  }),
  z.strictObject({ type: z.literal("runStarted"), sweep: z.string(), trial: z.int(), fold: z.int(), attempt: z.int(), worker: z.string() }),
  /** The run went back to queued: released, paused, lost, failed. */
  z.strictObject({ type: z.literal("attemptEnded"), sweep: z.string(), trial: z.int(), fold: z.int(), failure: attemptFailureSchema }),
  z.strictObject({ type: z.literal("runFinished"), result: runResultSchema }),
]);
export type OutcomeEvent = z.infer<typeof outcomeEventSchema>;

export const pointsEventSchema = z.strictObject({
  sweep: z.string(),
  trial: z.int(),
  fold: z.int(),
  attempt: z.int(),
  points: epochPointsSchema,
});
export type PointsEvent = z.infer<typeof pointsEventSchema>;

/** On the control channel, to whichever worker holds the run; run null = all runs of the sweep. Heartbeat replies say the same, so a lost message costs one heartbeat. */
export const controlMessageSchema = z.strictObject({
  sweep: z.string(),
  run: z.string().nullable(),
  action: z.enum(["cancel", "release"]),
});
export type ControlMessage = z.infer<typeof controlMessageSchema>;
