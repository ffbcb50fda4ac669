// Parsing a sweep file: the schema first, then the rules that span several keys, checked over every combination the space allows.
import type { z } from "zod";
import { SaphenaError } from "./errors.ts";
import { explainIssues, nearest } from "./explain.ts";
import { lossSchema, modelSchema, optimizerSchema, sweepFileSchema, trainSchema } from "./sweep-file.ts";
import type { ModelConfig, Parameter, Parameters, ParameterValue, SweepSpec, TrainConfig } from "./sweep-file.ts";

/** The configuration of one trial: the sweep's `model` and `train` with the trial's parameters put in. */
export interface TrialConfig {
  model: ModelConfig;
  train: TrainConfig;
}

const MOST_SHOWN = 12;

type Tree = { [key: string]: Tree | ParameterValue };

function leafPaths(tree: Tree, prefix: string): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "object" ? leafPaths(value, `${prefix}${key}.`) : [`${prefix}${key}`],
  );
}

/** Every path a parameter may name, such as `model.depth`. */
export function parameterPaths(config: TrialConfig): string[] {
  return leafPaths({ model: config.model, train: config.train }, "");
}

/** The configuration with the given values put in; the input is not changed. Throws SWEEP_FILE_INVALID for a path or value that does not fit. */
export function applyParameters(config: TrialConfig, parameters: Parameters): TrialConfig {
  const paths = parameterPaths(config);
  const unknown = Object.keys(parameters).find((path) => !paths.includes(path));
  if (unknown !== undefined) throw new SaphenaError("SWEEP_FILE_INVALID", pathProblem(unknown, paths));
  const applied = withValues(config, parameters);
  const problems = configProblems(applied);
  if (problems.length > 0) throw new SaphenaError("SWEEP_FILE_INVALID", problems.join("\n  "));
  return applied;
}

function withValues(config: TrialConfig, parameters: Parameters): TrialConfig {
  const copy = structuredClone({ model: config.model, train: config.train }) as unknown as Tree;
  for (const [path, value] of Object.entries(parameters)) {
    const keys = path.split(".");
    const parent = keys.slice(0, -1).reduce<Tree>((node, key) => node[key] as Tree, copy);
    parent[keys.at(-1)!] = value;
  }
  return copy as unknown as TrialConfig;
}

function pathProblem(path: string, paths: readonly string[]): string {
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
  const { nesterov, momentum } = train.data.optimizer;
  const spanning = [indivisible(inputSize, depth), tooManyFilters(baseFilters, maxFilters), nesterovWithoutMomentum(nesterov, momentum)];
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

type Shape = Readonly<Record<string, z.ZodType>>;
const SHAPES: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ["model", modelSchema.shape],
  ["train", trainSchema.shape],
  ["train.optimizer", optimizerSchema.shape],
  ["train.loss", lossSchema.shape],
]);

/** What one setting takes. */
function settingSchema(path: string): z.ZodType {
  const at = path.lastIndexOf(".");
  const schema = SHAPES.get(path.slice(0, at))?.[path.slice(at + 1)];
  if (schema === undefined) throw new SaphenaError("INTERNAL", `no schema for the setting ${path}`);
  return schema;
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
  const nesterov = values("train.optimizer.nesterov", train.optimizer.nesterov).includes(true);
  const momentum = values("train.optimizer.momentum", train.optimizer.momentum).reduce((a, b) => Math.min(a, b));
  return [
    ...depths.flatMap((depth) =>
      sizes.flatMap((size) => withParameters(indivisible(size, depth), { "model.depth": depth, "model.inputSize": size })),
    ),
    ...withParameters(tooManyFilters(base, most), { "model.baseFilters": base, "model.maxFilters": most }),
    ...withParameters(nesterovWithoutMomentum(nesterov, momentum), {
      "train.optimizer.nesterov": nesterov,
      "train.optimizer.momentum": momentum,
    }),
  ];
}

function spaceProblems(spec: SweepSpec): string[] {
  const config: TrialConfig = { model: spec.model, train: spec.train };
  const paths = parameterPaths(config);
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
