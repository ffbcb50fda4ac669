// The network: encoder, class head, decoder with deep supervision, segmentation head (Oliveira et al., Sci Rep 13:761, 2023; what is not
// known of it follows nnU-Net). It is written forwards only; the layers record how gradients run back (layers.ts, tape.ts), the losses
// are in class-loss.ts and segmentation-loss.ts, and network.ts trains it.
import type { Tensor } from "@saphena/tf";
import { hasClassification, hasSegmentation, SEGMENTATION_BLOCKS, type NetworkConfig } from "./config.ts";
import { convolutionBlock, dense, globalAverage, pointwise, upsampleAndJoin } from "./layers.ts";
import type { Pass } from "./pass.ts";

export interface Logits {
  /** [n, classes], before softmax. */
  classes: Tensor | null;
  /** Mask logits [n, h/2^r, w/2^r, maskClasses] of level r at index r: 0 is the final head, the others exist with supervision. */
  masks: Tensor[] | null;
}

/** Images [n, inputSize, inputSize, channels] to logits. With `supervision`, lower decoder levels give mask logits, too. */
export function forward(pass: Pass, config: NetworkConfig, images: Tensor, supervision: boolean): Logits {
  const features = encode(pass, config, images);
  return {
    classes: hasClassification(config) ? classify(pass, features[config.depth - 1] as Tensor) : null,
    masks: hasSegmentation(config) ? decode(pass, config, features, supervision) : null,
  };
}

/** Feature maps of every level: [n, h/2^r, w/2^r, min(base·2^r, cap)] at index r. */
function encode(pass: Pass, config: NetworkConfig, images: Tensor): Tensor[] {
  const features: Tensor[] = [];
  let x = images;
  for (let level = 0; level < config.depth; level++) {
    const first = convolutionBlock(pass, `encoder.${level}.0`, x, level === 0 ? 1 : 2);
    x = convolutionBlock(pass, `encoder.${level}.1`, first);
    free(pass, first);
    features.push(x);
  }
  return features;
}

/** Features of the lowest level → convolution block → global average → 64 hidden units → class logits [n, classes]. */
function classify(pass: Pass, features: Tensor): Tensor {
  const block = convolutionBlock(pass, "classification.block", features);
  const pooled = globalAverage(pass, block);
  const hidden = dense(pass, "classification.hidden", pooled, "leaky");
  const logits = dense(pass, "classification.output", hidden, "none");
  free(pass, block, pooled, hidden);
  return logits;
}

/** From the lowest level up: upsample, join with the encoder's features of that level, two convolution blocks. */
function decode(pass: Pass, config: NetworkConfig, features: readonly Tensor[], supervision: boolean): Tensor[] {
  const logits: Tensor[] = [];
  let x = features[config.depth - 1] as Tensor;
  for (let level = config.depth - 2; level >= 0; level--) {
    const joined = upsampleAndJoin(pass, `decoder.${level}.up`, x, features[level] as Tensor);
    const first = convolutionBlock(pass, `decoder.${level}.0`, joined);
    free(pass, x, joined, features[level] as Tensor);
    x = convolutionBlock(pass, `decoder.${level}.1`, first);
    free(pass, first);
    if (level > 0 && supervision) logits[level] = pointwise(pass, `supervision.${level}`, x);
  }
  for (let index = 0; index < SEGMENTATION_BLOCKS; index++) {
    const next = convolutionBlock(pass, `segmentation.${index}`, x);
    free(pass, x);
    x = next;
  }
  logits[0] = pointwise(pass, "segmentation.output", x);
  free(pass, x);
  return logits;
}

/** In inference, activations go as soon as they are used; in training they belong to the tape. */
function free(pass: Pass, ...tensors: readonly Tensor[]): void {
  if (pass.kind === "inference") for (const tensor of tensors) tensor.dispose();
}
