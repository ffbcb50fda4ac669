// What crosses a process boundary in Saphena, and nothing else. Browser-safe: imports zod only.
//
//   import { parseSweepFile } from "@saphena/contracts";
//   const spec = parseSweepFile({ name: "tones", dataset: "tones", budget: { trials: 3 } });
export { ERRORS, SaphenaError, isErrorCode } from "./errors.ts";
export type { ErrorBody, ErrorCode } from "./errors.ts";
export { STATES, FINAL_STATES, SWEEP_MOVES, TRIAL_MOVES, RUN_MOVES, isFinal, mayMove } from "./states.ts";
export type { FinalState, State } from "./states.ts";
export { SWEEP_ID, jobId, parseRunId, runId, sweepIdFrom } from "./ids.ts";
export type { RunAddress } from "./ids.ts";
export { datasetKeys, parseResultKey, runKeys, sweepKeys } from "./object-keys.ts";
export { redisKeys } from "./redis-keys.ts";
export type { RedisKeys } from "./redis-keys.ts";
export { editDistance, explainIssues, nearest } from "./explain.ts";
export { resolveAugmentation } from "./augmentation.ts";
export type { AugmentationConfig, AugmentationSettings } from "./augmentation.ts";
export {
  OBJECTIVE_METRICS,
  POOL_NAME,
  categoricalParameterSchema,
  durationMs,
  floatParameterSchema,
  intParameterSchema,
  modelSchema,
  parametersSchema,
  sweepFileSchema,
  trainSchema,
} from "./sweep-file.ts";
export type {
  Budget,
  CvConfig,
  LossConfig,
  ModelConfig,
  Objective,
  ObjectiveMetric,
  OptimizerConfig,
  Parameter,
  ParameterValue,
  Parameters,
  SamplerConfig,
  SearchSpace,
  SettingValue,
  SweepFile,
  SweepSpec,
  TrainConfig,
} from "./sweep-file.ts";
export { applyParameters, assertClassWeightsFit, configProblems, parameterPaths, parseSweepFile } from "./sweep-rules.ts";
export type { TrialConfig } from "./sweep-rules.ts";
export {
  SCHEMA_VERSION,
  datasetNameSchema,
  datasetRecordSchema,
  datasetVersionSchema,
  foldSplitSchema,
  imageFileSchema,
  manifestRowSchema,
  sha256Schema,
  splitsSchema,
} from "./dataset.ts";
export type { DatasetRecord, DatasetVersion, FoldSplit, ImageFile, ManifestRow, Splits } from "./dataset.ts";
export {
  ATTEMPT_ENDS,
  attemptFailureSchema,
  checkpointRefSchema,
  decisionSchema,
  epochPointsSchema,
  finalStateSchema,
  fingerprintSchema,
  resultFileSchema,
  runMetricsSchema,
  runResultSchema,
  stateSchema,
  sweepRecordSchema,
} from "./records.ts";
export type {
  AttemptEnd,
  AttemptFailure,
  CheckpointRef,
  Decision,
  EngineFingerprint,
  EpochPoints,
  ResultFile,
  RunMetrics,
  RunResult,
  SweepRecord,
} from "./records.ts";
export { controlMessageSchema, outcomeEventSchema, pointsEventSchema } from "./events.ts";
export type { ControlMessage, OutcomeEvent, PointsEvent } from "./events.ts";
export { fromTrainerSchema, toTrainerSchema, trainerStartSchema } from "./ipc.ts";
export type { FromTrainer, LaunchTrainer, Slot, ToTrainer, Trainer, TrainerEvents, TrainerFile, TrainerPool, TrainerStart } from "./ipc.ts";
export {
  API,
  bestReplySchema,
  curveSchema,
  datasetDetailSchema,
  datasetSummarySchema,
  deviceStatusSchema,
  errorReplySchema,
  livePointsSchema,
  missingReplySchema,
  missingRequestSchema,
  poolStatusSchema,
  publishReplySchema,
  publishRequestSchema,
  rebuildReplySchema,
  runLogSchema,
  runStatusSchema,
  submitReplySchema,
  submitRequestSchema,
  sweepActionSchema,
  sweepStatusSchema,
  trialRowSchema,
  workerStatusSchema,
} from "./http.ts";
export type {
  BestReply,
  Curve,
  DatasetDetail,
  DatasetSummary,
  DeviceStatus,
  LivePoints,
  PoolStatus,
  PublishReply,
  PublishRequest,
  RunStatus,
  SubmitReply,
  SubmitRequest,
  SweepAction,
  SweepStatus,
  TrialRow,
  WorkerStatus,
} from "./http.ts";
export { COMMANDS } from "./commands.ts";
export type { CommandName, CommandReply } from "./commands.ts";
export { liveRunSchema, liveSweepSchema, liveTrialSchema } from "./live.ts";
export type { LiveRun, LiveSweep, LiveTrial } from "./live.ts";
export { chooseEngine, ENGINE_NAMES, KERNEL_CHOICES, WASM_SLOWDOWN } from "./engine-choice.ts";
export type { EngineChoice, EngineName, NativeFacts } from "./engine-choice.ts";
export { DEFAULT_NAMESPACE, DEFAULT_PORT, DEFAULT_URL, ENVIRONMENT, environmentForTrainer } from "./environment.ts";
export type { EnvironmentReader, EnvironmentVariable } from "./environment.ts";
