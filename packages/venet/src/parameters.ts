// Every parameter and running average of the network by name and shape, as a pure list. Its order is that of the checkpoint
// and never depends on anything but the configuration. The names are those the layers ask for.
import {
  checkConfig,
  filtersAt,
  hasClassification,
  hasSegmentation,
  HIDDEN_UNITS,
  SEGMENTATION_BLOCKS,
  type NetworkConfig,
} from "./config.ts";

export interface ParameterSpec {
  name: string;
  /** Convolution kernels are [height, width, inputs, outputs]; of transposed ones [height, width, outputs, inputs]; dense [inputs, outputs]. */
  shape: readonly number[];
  /** Values that one output value is summed over, for He initialisation; null for what starts at a constant. */
  fanIn: number | null;
  /** The constant it starts at when `fanIn` is null. */
  constant: 0 | 1;
}

/** Parameters that gradients change. */
export function parameterSpecs(config: NetworkConfig): ParameterSpec[] {
  checkConfig(config);
  return [...encoder(config), ...(hasClassification(config) ? classHead(config) : []), ...(hasSegmentation(config) ? decoder(config) : [])];
}

/** Running means (start at 0) and variances (start at 1) of batch normalisation, two per convolution block. */
export function runningAverageSpecs(config: NetworkConfig): ParameterSpec[] {
  const scales = parameterSpecs(config).filter((spec) => spec.name.endsWith(".norm.scale"));
  return scales.flatMap(({ name, shape }) => [
    constantSpec(runningName(name, "mean"), shape, 0),
    constantSpec(runningName(name, "variance"), shape, 1),
  ]);
}

/** How many numbers the gradients change. */
export function parameterCount(config: NetworkConfig): number {
  return parameterSpecs(config).reduce((total, spec) => total + elementCount(spec.shape), 0);
}

export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function encoder(config: NetworkConfig): ParameterSpec[] {
  return levels(0, config.depth).flatMap((level) => {
    const inputs = level === 0 ? config.channels : filtersAt(config, level - 1);
    return doubleBlock(`encoder.${level}`, inputs, filtersAt(config, level));
  });
}

function classHead(config: NetworkConfig): ParameterSpec[] {
  const features = filtersAt(config, config.depth);
  return [
    ...block("classification.block", filtersAt(config, config.depth - 1), features),
    ...dense("classification.hidden", features, HIDDEN_UNITS),
    ...dense("classification.output", HIDDEN_UNITS, config.classes),
  ];
}

/** Decoder blocks from the lowest resolution up, supervision for all but the last, then the final head. */
function decoder(config: NetworkConfig): ParameterSpec[] {
  const blocks = levels(0, config.depth - 1)
    .reverse()
    .flatMap((level) => {
      const filters = filtersAt(config, level);
      const below = filtersAt(config, level + 1);
      return [
        weightSpec(`decoder.${level}.up.kernel`, [2, 2, filters, below], below), // each output pixel sees one input pixel
        constantSpec(`decoder.${level}.up.bias`, [filters], 0),
        ...doubleBlock(`decoder.${level}`, 2 * filters, filters),
        ...(level === 0 ? [] : pointwise(`supervision.${level}`, filters, config.maskClasses)),
      ];
    });
  const base = filtersAt(config, 0);
  const head = levels(0, SEGMENTATION_BLOCKS).flatMap((index) => block(`segmentation.${index}`, base, base));
  return [...blocks, ...head, ...pointwise("segmentation.output", base, config.maskClasses)];
}

function doubleBlock(name: string, inputs: number, outputs: number): ParameterSpec[] {
  return [...block(`${name}.0`, inputs, outputs), ...block(`${name}.1`, outputs, outputs)];
}

function block(name: string, inputs: number, outputs: number): ParameterSpec[] {
  return [
    weightSpec(`${name}.kernel`, [3, 3, inputs, outputs], 9 * inputs),
    constantSpec(`${name}.norm.scale`, [outputs], 1),
    constantSpec(`${name}.norm.offset`, [outputs], 0),
  ];
}

function pointwise(name: string, inputs: number, outputs: number): ParameterSpec[] {
  return [weightSpec(`${name}.kernel`, [1, 1, inputs, outputs], inputs), constantSpec(`${name}.bias`, [outputs], 0)];
}

function dense(name: string, inputs: number, outputs: number): ParameterSpec[] {
  return [weightSpec(`${name}.kernel`, [inputs, outputs], inputs), constantSpec(`${name}.bias`, [outputs], 0)];
}

const weightSpec = (name: string, shape: readonly number[], fanIn: number): ParameterSpec => ({ name, shape, fanIn, constant: 0 });
const constantSpec = (name: string, shape: readonly number[], constant: 0 | 1): ParameterSpec => ({ name, shape, fanIn: null, constant });
const runningName = (scaleName: string, statistic: "mean" | "variance"): string => scaleName.replace(/scale$/, statistic);
const levels = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
