// Parsing a sweep file: the schema first, then the rules that span several keys, checked over every combination the space allows.
import { SaphenaError } from "./errors.ts";
import { explainIssues, nearest } from "./explain.ts";
import { modelSchema, sweepFileSchema, trainSchema } from "./sweep-file.ts";
import type { ModelConfig, Parameter, Parameters, ParameterValue, SweepSpec, TrainConfig } from "./sweep-file.ts";

/** The configuration of one trial: the sweep's `model` and `train` with the trial's parameters put in. */
export interface TrialConfig {
  model: ModelConfig;
  train: TrainConfig;
}

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
  const copy = structuredClone({ model: config.model, train: config.train }) as unknown as Tree;
  const paths = parameterPaths(config);
  for (const [path, value] of Object.entries(parameters)) {
    if (!paths.includes(path)) throw new SaphenaError("SWEEP_FILE_INVALID", pathProblem(path, paths));
    const keys = path.split(".");
    const parent = keys.slice(0, -1).reduce<Tree>((node, key) => node[key] as Tree, copy);
    parent[keys.at(-1)!] = value;
  }
  const problems = configProblems(copy as unknown as TrialConfig);
  if (problems.length > 0) throw new SaphenaError("SWEEP_FILE_INVALID", problems.join("\n  "));
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
  const divisor = 2 ** (depth - 1);
  if (inputSize % divisor !== 0 || inputSize < divisor) {
    const below = Math.max(1, Math.floor(inputSize / divisor)) * divisor;
    problems.push(
      `model.inputSize: ${inputSize} is not divisible by ${divisor} (2^(depth-1) at depth ${depth}); use ${below} or ${below + divisor}`,
    );
  }
  if (baseFilters > maxFilters) problems.push(`model.baseFilters: ${baseFilters} is above model.maxFilters ${maxFilters}`);
  if (train.data.optimizer.nesterov && train.data.optimizer.momentum === 0)
    problems.push("train.optimizer.nesterov needs a momentum above 0; set nesterov to false");
  return problems;
}

/** Values worth checking one by one: all of a short list, the ends of a range. */
function probes(parameter: Parameter): ParameterValue[] {
  if (parameter.type === "categorical") return parameter.values;
  if (parameter.type === "float") return [parameter.min, parameter.max];
  const count = Math.floor((parameter.max - parameter.min) / parameter.step) + 1;
  if (count > 64) return [parameter.min, parameter.max];
  return Array.from({ length: count }, (_, i) => parameter.min + i * parameter.step);
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

/** Settings that limit one another; their combinations are checked, all other parameters one by one. */
const COUPLED = [
  "model.depth",
  "model.inputSize",
  "model.baseFilters",
  "model.maxFilters",
  "train.optimizer.momentum",
  "train.optimizer.nesterov",
];

function spaceProblems(spec: SweepSpec): string[] {
  const config: TrialConfig = { model: spec.model, train: spec.train };
  const paths = parameterPaths(config);
  const entries = Object.entries(spec.parameters);
  const named = entries.flatMap(([path, parameter]) => {
    if (!paths.includes(path)) return [pathProblem(path, paths)];
    return rangeProblem(path, parameter, spec.sampler.type) ?? [];
  });
  if (named.length > 0) return named;
  const single = entries
    .filter(([path]) => !COUPLED.includes(path))
    .flatMap(([path, parameter]) => probes(parameter).map((value): Parameters => ({ [path]: value })));
  const coupled = entries
    .filter(([path]) => COUPLED.includes(path))
    .reduce<Parameters[]>(
      (combinations, [path, parameter]) =>
        combinations.flatMap((sofar) => probes(parameter).map((value): Parameters => ({ ...sofar, [path]: value }))),
      [{}],
    );
  const problems = [...coupled, ...single].flatMap((parameters) => {
    try {
      applyParameters(config, parameters);
      return [];
    } catch (error) {
      const detail = SaphenaError.from(error).message.split(": ").slice(1).join(": ");
      return Object.keys(parameters).length === 0 ? [detail] : [`${detail} (with ${JSON.stringify(parameters)})`];
    }
  });
  return [...new Set(problems)];
}

/** The sweep with every default, or SWEEP_FILE_INVALID with one line a problem. */
export function parseSweepFile(input: unknown): SweepSpec {
  const parsed = sweepFileSchema.safeParse(input);
  if (!parsed.success) throw invalid(explainIssues(sweepFileSchema, parsed.error, input));
  const problems = spaceProblems(parsed.data);
  if (problems.length > 0) throw invalid(problems);
  return parsed.data;
}

const MOST_SHOWN = 12;
function invalid(problems: readonly string[]): SaphenaError {
  const rest = problems.length - MOST_SHOWN;
  const shown = problems.slice(0, MOST_SHOWN).concat(rest > 0 ? [`and ${rest} more`] : []);
  return new SaphenaError("SWEEP_FILE_INVALID", shown.length === 1 ? shown[0]! : `\n  ${shown.join("\n  ")}`);
}
