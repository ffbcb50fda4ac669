// A network that can be trained, asked and saved: one training step, prediction, and its whole state out and in.
import { SaphenaError } from "@saphena/contracts";
import { converted, pack, reshape, softmax, type ElementType, type Engine, type Tensor } from "@saphena/tf";
import { checkBatch, type Batch } from "./batch.ts";
import { classLoss, type Loss } from "./class-loss.ts";
import { checkConfig, type NetworkConfig, type TrainingConfig } from "./config.ts";
import { decideStep } from "./loss-scale.ts";
import { forward, type Logits } from "./model.ts";
import { applyOptimizer } from "./optimizer.ts";
import { parameterCount } from "./parameters.ts";
import type { InferencePass, TrainingPass } from "./pass.ts";
import { segmentationLoss } from "./segmentation-loss.ts";
import { createState, type NetworkState, type TensorRecord } from "./state.ts";
import { createTape } from "./tape.ts";
import { readWeights } from "./weights.ts";

export interface StepLosses {
  /** classWeight·classification + segmentationWeight·segmentation, a missing one counting as 0. */
  total: number;
  /** Unweighted; null without such a head, or when no sample of the batch has a label. */
  classification: number | null;
  /** Unweighted; null without such a head, or when no sample of the batch has a mask. */
  segmentation: number | null;
}

/** A gradient was beyond float16. */
export interface Overflow {
  /** The step was made with. */
  lossScale: number;
  /** Of the next step; null when it cannot be lowered, so that going on is useless. */
  nextLossScale: number | null;
}

/** The losses before the update. */
export interface StepResult extends StepLosses {
  /** Set when the step changed nothing but the loss scale; the losses may not be finite then. */
  overflow?: Overflow;
}

export interface Prediction {
  /** [n, classes] */
  probabilities: Float32Array | null;
  /** [n, inputSize, inputSize, maskClasses] */
  maskProbabilities: Float32Array | null;
  /** [n, inputSize, inputSize] most probable class of each pixel, the lower one when equal. */
  masks: Uint8Array | null;
}

export interface Network {
  readonly config: NetworkConfig;
  readonly parameterCount: number;
  /** Forward, backward, update. Moves the running averages. The losses are read back once the update is under way. */
  trainStep(batch: Batch, learningRate: number): StepResult;
  /** Losses and gradients without an update; running averages stay. For checks, not for training. */
  gradients(batch: Batch): { losses: StepLosses; gradients: Map<string, TensorRecord> };
  /** Predicts `size` images [n, inputSize, inputSize, channels] with the running averages. */
  predict(images: Float32Array, size: number): Prediction;
  /** The whole state, copied: importing it makes the next steps equal to the last bit. */
  exportState(): Map<string, TensorRecord>;
  /** @throws SaphenaError CHECKPOINT_INVALID when the records do not fit this network; nothing is changed then. */
  importState(state: ReadonlyMap<string, TensorRecord>): void;
  dispose(): void;
}

/** A network with He-initialised weights drawn from `seed`. @throws SaphenaError MODEL_CONFIG_INVALID, PRECISION_UNSUPPORTED */
export function createNetwork(engine: Engine, config: NetworkConfig, training: TrainingConfig, seed: number): Network {
  checkConfig(config);
  const precision = supportedPrecision(engine, training.precision ?? "float32");
  const state = createState(engine, config, seed, training.optimizer.type, precision);
  return {
    config,
    parameterCount: parameterCount(config),
    trainStep: (batch, learningRate) => {
      checkBatch(batch, config);
      return engine.tidy(() => {
        const step = differentiate(engine, state, config, training, batch);
        const scale = state.lossScale?.scale ?? null;
        const applied = applyOptimizer(engine, state, step.gradients, step.weights, training.optimizer, learningRate, scale);
        // Averages of a batch that overflowed may not be finite either.
        if (applied) for (const [name, value] of step.running) state.setRunning(name, value);
        const overflow = moveLossScale(state, applied);
        const losses = readLosses(engine, training, step);
        return overflow === null ? losses : { ...losses, overflow };
      });
    },
    gradients: (batch) => {
      checkBatch(batch, config);
      const gradients = new Map<string, TensorRecord>();
      const losses = engine.tidy(() => {
        const step = differentiate(engine, state, config, training, batch);
        for (const [name, tensor] of step.gradients)
          gradients.set(name, { shape: [...tensor.shape], data: unscaled(engine.read(tensor), state) });
        return readLosses(engine, training, step);
      });
      return { losses, gradients };
    },
    predict: (images, size) => predict(engine, state, config, precision, { images, size }),
    exportState: () => state.export(),
    importState: (records) => state.import(records),
    dispose: () => state.dispose(),
  };
}

interface Step {
  weights: Map<string, Tensor>;
  gradients: Map<string, Tensor>;
  running: Map<string, Tensor>;
  classification: Loss | null;
  segmentation: Loss | null;
}

/** Forward and backward on one batch. The gradients are float32, and those of the loss times the loss scale where there is one. */
function differentiate(engine: Engine, state: NetworkState, config: NetworkConfig, training: TrainingConfig, batch: Batch): Step {
  const precision = training.precision ?? "float32";
  const weights = readWeights(engine, state, precision);
  const gradients = new Map<string, Tensor>();
  const running = new Map<string, Tensor>();
  const tape = createTape(engine);
  const pass: TrainingPass = {
    kind: "training",
    engine,
    tape,
    weight: weights.weight,
    master: weights.master,
    running: (name) => state.running(name),
    moveRunning: (name, value) => void running.set(name, value),
    gradient: (name, value) => void gradients.set(name, converted(engine, value, "float32")),
  };
  const images = imageTensor(engine, config, precision, batch);
  const { loss } = training;
  const scale = state.lossScale?.scale ?? 1;
  const logits = forward(pass, config, images, loss.deepSupervision);
  const classification =
    logits.classes === null
      ? null
      : classLoss(engine, logits.classes, batch, { factor: scale * loss.classWeight, classWeights: loss.classWeights });
  const segmentation = logits.masks === null ? null : segmentationLoss(engine, logits.masks, batch, scale * loss.segmentationWeight);
  tape.backward([...(classification?.seeds ?? []), ...(segmentation?.seeds ?? [])]);
  images.dispose();
  weights.disposeCopies();
  return { weights: weights.masters, gradients, running, classification, segmentation };
}

/** Both losses in one read, so that the device is waited for once. */
function readLosses(engine: Engine, training: TrainingConfig, step: Step): StepLosses {
  const tensors = [step.classification, step.segmentation].flatMap((loss) => (loss === null ? [] : [loss.value]));
  const values = tensors.length === 0 ? [] : [...engine.read(pack(engine, tensors))];
  const classification = step.classification === null ? null : (values.shift() as number);
  const segmentation = step.segmentation === null ? null : (values.shift() as number);
  const { classWeight, segmentationWeight } = training.loss;
  return { total: classWeight * (classification ?? 0) + segmentationWeight * (segmentation ?? 0), classification, segmentation };
}

/** The loss scale after a step; what to tell of it when the step was not applied. */
function moveLossScale(state: NetworkState, gradientsFinite: boolean): Overflow | null {
  if (state.lossScale === null) return null;
  const { scale } = state.lossScale;
  const decision = decideStep(state.lossScale, gradientsFinite);
  if (decision.type === "exhausted") return { lossScale: scale, nextLossScale: null };
  state.lossScale = decision.next;
  return decision.type === "skipped" ? { lossScale: scale, nextLossScale: decision.next.scale } : null;
}

const unscaled = (gradient: Float32Array, { lossScale }: NetworkState): Float32Array =>
  lossScale === null ? gradient : gradient.map((value) => value / lossScale.scale);

/** Images [size, inputSize, inputSize, channels] as the first layer takes them. */
function imageTensor(
  engine: Engine,
  { inputSize, channels }: NetworkConfig,
  precision: ElementType,
  { images, size }: { images: Float32Array; size: number },
): Tensor {
  return converted(engine, engine.tensor(images, [size, inputSize, inputSize, channels]), precision);
}

function supportedPrecision(engine: Engine, precision: ElementType): ElementType {
  if (precision !== "float32" && engine.half[precision] === "none")
    throw new SaphenaError("PRECISION_UNSUPPORTED", `${engine.fingerprint.engine} computes in float32 only, not in ${precision}`);
  return precision;
}

function predict(
  engine: Engine,
  state: NetworkState,
  config: NetworkConfig,
  precision: ElementType,
  { images, size }: { images: Float32Array; size: number },
): Prediction {
  const result: Prediction = { probabilities: null, maskProbabilities: null, masks: null };
  engine.tidy(() => {
    const { weight, master } = readWeights(engine, state, precision);
    const pass: InferencePass = { kind: "inference", engine, weight, master, running: (name) => state.running(name) };
    const logits: Logits = forward(pass, config, imageTensor(engine, config, precision, { images, size }), false);
    if (logits.classes !== null) result.probabilities = engine.read(softmax(engine, logits.classes));
    if (logits.masks !== null) {
      const pixels = reshape(engine, logits.masks[0] as Tensor, [size * config.inputSize ** 2, config.maskClasses]);
      result.maskProbabilities = engine.read(softmax(engine, pixels));
      result.masks = mostProbable(result.maskProbabilities, config.maskClasses);
    }
  });
  return result;
}

/** The class of highest probability for each run of `classes` values. */
function mostProbable(probabilities: Float32Array, classes: number): Uint8Array {
  const masks = new Uint8Array(probabilities.length / classes);
  for (let pixel = 0; pixel < masks.length; pixel++) {
    let best = 0;
    for (let id = 1; id < classes; id++) {
      if ((probabilities[pixel * classes + id] as number) > (probabilities[pixel * classes + best] as number)) best = id;
    }
    masks[pixel] = best;
  }
  return masks;
}
