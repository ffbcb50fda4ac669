// Parsing a sweep file: the schema first, then the rules that span several keys, checked over every combination the space allows.
import { augmentationRanges } from "./augmentation.ts";
import { SaphenaError } from "./errors.ts";
import { explainIssues, nearest } from "./explain.ts";
import { OPTIMIZER_TYPE_PATH, isOptimizerType, onlyTypeWith, withOptimizerType } from "./optimizer-type.ts";
import { settingSchema } from "./setting-schema.ts";
import { modelSchema, sweepFileSchema, trainSchema } from "./sweep-file.ts";
import type { ModelConfig, Parameter, Parameters, ParameterValue, SettingValue, SweepSpec, TrainConfig } from "./sweep-file.ts";

/** The configuration of one trial: the sweep's `model` and `train` with the trial's parameters put in. */
export interface TrialConfig {
  model: ModelConfig;
  train: TrainConfig;
}

const MOST_SHOWN = 12;

type Tree = { [key: string]: Tree | SettingValue };

const isSection = (value: Tree | SettingValue): value is Tree => typeof value === "object" && !Array.isArray(value);

function leafPaths(tree: Tree, prefix: string): string[] {
  return Object.entries(tree).flatMap(([key, value]) => (isSection(value) ? leafPaths(value, `${prefix}${key}.`) : [`${prefix}${key}`]));
}

/** Every path a parameter may name, such as `model.depth`. */
export function parameterPaths(config: TrialConfig): string[] {
  return leafPaths({ model: config.model, train: config.train }, "");
}

/** The configuration with the given values put in; the input is not changed. Throws SWEEP_FILE_INVALID for a path or value that does not fit. */
export function applyParameters(config: TrialConfig, parameters: Readonly<Record<string, SettingValue>>): TrialConfig {
  const paths = parameterPaths(ofType(config, parameters[OPTIMIZER_TYPE_PATH]));
  const unknown = Object.keys(parameters).find((path) => !paths.includes(path));
  if (unknown !== undefined) throw new SaphenaError("SWEEP_FILE_INVALID", pathProblem(unknown, paths));
  const applied = withValues(config, parameters);
  const problems = configProblems(applied);
  if (problems.length > 0) throw new SaphenaError("SWEEP_FILE_INVALID", problems.join("\n  "));
  return applied;
}

/** The configuration with its optimizer's type changed; a value that is no type changes nothing here and is refused by the schema. */
function ofType({ model, train }: TrialConfig, type: unknown): TrialConfig {
  return isOptimizerType(type) ? { model, train: { ...train, optimizer: withOptimizerType(train.optimizer, type) } } : { model, train };
}

/** One configuration for each optimizer type that the space holds: which other settings there are depends on it. */
function variantsOf({ model, train, parameters }: SweepSpec): TrialConfig[] {
  const searched = parameters[OPTIMIZER_TYPE_PATH];
  const types = searched?.type === "categorical" ? searched.values.filter(isOptimizerType) : [];
  return types.length === 0 ? [{ model, train }] : types.map((type) => ofType({ model, train }, type));
}

function withValues(config: TrialConfig, parameters: Readonly<Record<string, SettingValue>>): TrialConfig {
  const copy = structuredClone(ofType(config, parameters[OPTIMIZER_TYPE_PATH])) as unknown as Tree;
  for (const [path, value] of Object.entries(parameters)) {
    const keys = path.split(".");
    const parent = keys.slice(0, -1).reduce<Tree>((node, key) => node[key] as Tree, copy);
    parent[keys.at(-1)!] = value;
  }
  return copy as unknown as TrialConfig;
}

function pathProblem(path: string, paths: readonly string[]): string {
  const type = onlyTypeWith(path);
  if (type !== undefined) return `parameters.${path} is a setting of ${OPTIMIZER_TYPE_PATH} ${type} alone`;
  if (path.startsWith("train.augment.") && paths.includes("train.augment"))
    return `parameters.${path}: train.augment is a name here; write it as an object, such as { rotation: { maxDegrees: 30 } } or {}, to vary its settings`;
  // A path that lacks a part in the middle is far in letters but ends alike.
  const close = nearest(path, paths) ?? paths.find((candidate) => candidate.endsWith(`.${path.split(".").at(-1)}`));
  return `parameters.${path} does not name a setting of model or train${close === undefined ? "" : `; did you mean ${close}?`}`;
}

/** What is wrong with one configuration: the schema's complaints and the limits that span keys. */
export function configProblems(config: TrialConfig): string[] {
  const model = modelSchema.safeParse(config.model);
  const train = trainSchema.safeParse(config.train);
  const problems = [
    ...(model.success ? [] : explainIssues(modelSchema, model.error, config.model).map((text) => `model.${text}`)),
    ...(train.success ? [] : explainIssues(trainSchema, train.error, config.train).map((text) => `train.${text}`)),
  ];
  if (!model.success || !train.success) return problems;
  const { inputSize, depth, baseFilters, maxFilters } = model.data;
  const { optimizer, epochs } = train.data;
  const spanning = [
    indivisible(inputSize, depth),
    tooManyFilters(baseFilters, maxFilters),
    optimizer.type === "sgd" ? nesterovWithoutMomentum(optimizer.nesterov, optimizer.momentum) : undefined,
    endlessWarmup(optimizer.warmupEpochs, epochs),
    ...augmentationRanges(train.data.augment).map(({ min, max }) => reversed(min, max)),
  ];
  return spanning.filter((problem) => problem !== undefined);
}

// The limits that span keys.

function indivisible(inputSize: number, depth: number): string | undefined {
  const divisor = 2 ** (depth - 1);
  if (inputSize % divisor === 0 && inputSize >= divisor) return undefined;
  const below = Math.max(1, Math.floor(inputSize / divisor)) * divisor;
  return `model.inputSize: ${inputSize} is not divisible by ${divisor} (2^(depth-1) at depth ${depth}); use ${below} or ${below + divisor}`;
}

function tooManyFilters(baseFilters: number, maxFilters: number): string | undefined {
  return baseFilters > maxFilters ? `model.baseFilters: ${baseFilters} is above model.maxFilters ${maxFilters}` : undefined;
}

function nesterovWithoutMomentum(nesterov: boolean, momentum: number): string | undefined {
  return nesterov && momentum === 0 ? "train.optimizer.nesterov needs a momentum above 0; set nesterov to false" : undefined;
}

type Setting = readonly [path: string, value: number];

function reversed([minPath, min]: Setting, [maxPath, max]: Setting): string | undefined {
  return min > max ? `${minPath}: ${min} is above ${maxPath} ${max}` : undefined;
}

function endlessWarmup(warmupEpochs: number, epochs: number): string | undefined {
  return warmupEpochs < epochs ? undefined : `train.optimizer.warmupEpochs: ${warmupEpochs} is not below train.epochs ${epochs}`;
}

/** Throws SWEEP_FILE_INVALID when class weights are given and are not one a label. Only a dataset tells how many that is. */
export function assertClassWeightsFit({ loss }: Pick<TrainConfig, "loss">, labels: readonly string[]): void {
  const given = loss.classWeights;
  if (typeof given === "string" || given.length === labels.length) return;
  const detail = `${given.length} weights were given, and the dataset has ${labels.length} labels: ${labels.join(", ")}`;
  throw new SaphenaError("SWEEP_FILE_INVALID", `train.loss.classWeights: ${detail}`);
}

/** More values than a setting with a limit that spans keys can have: of a longer range some are refused already. */
const MOST_PROBES = 2048;
/** A point inside a range that no round step meets: of a setting for whole numbers, a range of fractions is refused by it. */
const INSIDE = 0.3819660112501051;

/** Values of a parameter such that what a setting, or one of the limits above, refuses of the parameter it refuses of them: all of them, or ends. */
function probes(parameter: Parameter): ParameterValue[] {
  if (parameter.type === "categorical") return parameter.values;
  const { min, max, step } = parameter;
  if (step === undefined) return min === max ? [min] : [min, max, min + INSIDE * (max - min)];
  const count = Math.floor((max - min) / step + 1e-9) + 1;
  const value = (i: number): number => (parameter.type === "int" ? min + i * step : Number((min + i * step).toPrecision(12)));
  if (count > MOST_PROBES) return [value(0), value(1), value(count - 1)];
  return Array.from({ length: count }, (_, i) => value(i));
}

function rangeProblem(path: string, parameter: Parameter, sampler: SweepSpec["sampler"]["type"]): string | undefined {
  if (parameter.type === "categorical") {
    return new Set(parameter.values.map((value) => JSON.stringify(value))).size < parameter.values.length
      ? `parameters.${path}.values: a value is given twice`
      : undefined;
  }
  if (parameter.min > parameter.max) return `parameters.${path}: min ${parameter.min} is above max ${parameter.max}`;
  if (parameter.log && parameter.min <= 0) return `parameters.${path}: log needs min above 0, got ${parameter.min}`;
  if (parameter.type === "float" && parameter.log && parameter.step !== undefined)
    return `parameters.${path}: log and step exclude each other`;
  if (parameter.type === "float" && parameter.step === undefined && sampler === "grid" && parameter.min !== parameter.max) {
    return `parameters.${path}: a grid needs a step for a float, or categorical values`;
  }
  return undefined;
}

/** Each value by itself; only the few that are shown are put into the whole configuration for their explanation. */
function valueProblems(config: TrialConfig, path: string, parameter: Parameter): string[] {
  const schema = settingSchema(path);
  const refused = probes(parameter).filter((value) => !schema.safeParse(value).success);
  return refused.slice(0, MOST_SHOWN).map((value) => {
    const problem = configProblems(withValues(config, { [path]: value })).join("\n  ");
    return `${problem} (with ${JSON.stringify({ [path]: value })})`;
  });
}

/**
 * The limits that span keys, each over all values of its own two settings and of no other: work by the product of two short lists at
 * most (7 depths, 2,041 sizes), never by that of all parameters.
 */
function spanningProblems(spec: SweepSpec): string[] {
  const { model, train } = spec;
  const values = <T extends ParameterValue>(path: string, fixed: T): T[] => {
    const parameter = spec.parameters[path];
    return parameter === undefined ? [fixed] : ([...new Set(probes(parameter))] as T[]);
  };
  /** Names the values of the parameters among the two settings, in the order of the file. */
  const withParameters = (problem: string | undefined, settings: Parameters): string[] => {
    if (problem === undefined) return [];
    const varied = Object.keys(spec.parameters).filter((path) => path in settings);
    if (varied.length === 0) return [problem];
    return [`${problem} (with ${JSON.stringify(Object.fromEntries(varied.map((path) => [path, settings[path]])))})`];
  };
  const depths = values("model.depth", model.depth);
  const sizes = values("model.inputSize", model.inputSize);
  const base = values("model.baseFilters", model.baseFilters).reduce((a, b) => Math.max(a, b));
  const most = values("model.maxFilters", model.maxFilters).reduce((a, b) => Math.min(a, b));
  const warmup = values("train.optimizer.warmupEpochs", train.optimizer.warmupEpochs).reduce((a, b) => Math.max(a, b));
  const epochs = values("train.epochs", train.epochs).reduce((a, b) => Math.min(a, b));
  return [
    ...depths.flatMap((depth) =>
      sizes.flatMap((size) => withParameters(indivisible(size, depth), { "model.depth": depth, "model.inputSize": size })),
    ),
    ...withParameters(tooManyFilters(base, most), { "model.baseFilters": base, "model.maxFilters": most }),
    ...withParameters(endlessWarmup(warmup, epochs), { "train.optimizer.warmupEpochs": warmup, "train.epochs": epochs }),
    ...augmentationRanges(train.augment).flatMap(({ min: [minPath, min], max: [maxPath, max] }) => {
      const largest = values(minPath, min).reduce((a, b) => Math.max(a, b));
      const smallest = values(maxPath, max).reduce((a, b) => Math.min(a, b));
      return withParameters(reversed([minPath, largest], [maxPath, smallest]), { [minPath]: largest, [maxPath]: smallest });
    }),
    ...variantsOf(spec).flatMap(({ train: { optimizer } }) => {
      if (optimizer.type !== "sgd") return [];
      const nesterov = values("train.optimizer.nesterov", optimizer.nesterov).includes(true);
      const momentum = values("train.optimizer.momentum", optimizer.momentum).reduce((a, b) => Math.min(a, b));
      const settings = { "train.optimizer.nesterov": nesterov, "train.optimizer.momentum": momentum };
      return withParameters(nesterovWithoutMomentum(nesterov, momentum), settings);
    }),
  ];
}

function spaceProblems(spec: SweepSpec): string[] {
  const [config, ...others] = variantsOf(spec) as [TrialConfig, ...TrialConfig[]];
  const paths = others.reduce((common, other) => common.filter((path) => parameterPaths(other).includes(path)), parameterPaths(config));
  const entries = Object.entries(spec.parameters);
  const named = entries.flatMap(([path, parameter]) => {
    if (!paths.includes(path)) return [pathProblem(path, paths)];
    return rangeProblem(path, parameter, spec.sampler.type) ?? [];
  });
  if (named.length > 0) return named;
  const single = entries.flatMap(([path, parameter]) => valueProblems(config, path, parameter));
  return single.length > 0 ? single : spanningProblems(spec);
}

/** The sweep with every default, or SWEEP_FILE_INVALID with one line a problem. */
export function parseSweepFile(input: unknown): SweepSpec {
  const parsed = sweepFileSchema.safeParse(input);
  if (!parsed.success) throw invalid(explainIssues(sweepFileSchema, parsed.error, input));
  const problems = spaceProblems(parsed.data);
  if (problems.length > 0) throw invalid(problems);
  return parsed.data;
}

function invalid(problems: readonly string[]): SaphenaError {
  const rest = problems.length - MOST_SHOWN;
  const shown = problems.slice(0, MOST_SHOWN).concat(rest > 0 ? [`and ${rest} more`] : []);
  return new SaphenaError("SWEEP_FILE_INVALID", shown.length === 1 ? shown[0]! : `\n  ${shown.join("\n  ")}`);
}
