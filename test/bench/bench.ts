// `npm run -s bench -- NAME [--option N …] [--json]`: runs one benchmark and prints its figures, with --json as one line of JSON.
import { parseArgs } from "node:util";
import { SetupError, formatError } from "@saphena/setup";
import type { Benchmark } from "./benchmark.ts";

/** Benchmarks by name. Loaded only when asked for: one may need an engine or a server that another does without. */
const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  input: async () => (await import("./input.ts")).input,
  scheduling: async () => (await import("./scheduling.ts")).scheduling,
  start: async () => (await import("./start.ts")).start,
  train: async () => (await import("./train.ts")).train,
  "train-vs-torch": async () => (await import("./train-vs-torch.ts")).trainVsTorch,
  "sweep-vs-optuna": async () => (await import("./sweep-vs-optuna.ts")).sweepVsOptuna,
};

class UsageError extends Error {}

async function main(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  const load = name === undefined ? undefined : BENCHMARKS[name];
  if (load === undefined) throw new UsageError(`name one of the benchmarks: ${Object.keys(BENCHMARKS).join(", ")}`);
  const benchmark = await load();
  const { json, options } = readOptions(benchmark, rest);
  const figures = await benchmark.run(options);
  if (json) console.log(JSON.stringify(figures));
  else for (const [key, value] of Object.entries(figures)) console.log(`${key.padEnd(20)} ${JSON.stringify(value)}`);
}

function readOptions(benchmark: Benchmark, args: readonly string[]): { json: boolean; options: Record<string, number> } {
  const flags = benchmark.flags ?? [];
  const numbers = Object.entries(benchmark.options).map(([key, value]) => `--${key} ${value}`);
  const usage = `${benchmark.summary}\noptions: ${[...numbers, ...flags.map((flag) => `--${flag}`)].join(" ")} --json`;
  try {
    const texts = Object.fromEntries(Object.keys(benchmark.options).map((key) => [key, { type: "string" } as const]));
    const switches = Object.fromEntries(["json", ...flags].map((key) => [key, { type: "boolean" } as const]));
    const { values } = parseArgs({ args: [...args], options: { ...texts, ...switches } });
    const given = Object.keys(texts).filter((key) => values[key] !== undefined);
    const options = Object.fromEntries([
      ...given.map((key) => [key, wholeNumber(key, String(values[key]))] as const),
      ...flags.map((key) => [key, values[key] === true ? 1 : 0] as const),
    ]);
    return { json: values["json"] === true, options: { ...benchmark.options, ...options } };
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`, { cause: error });
  }
}

function wholeNumber(key: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`--${key} must be a whole number of 1 or more, not ${text}`);
  return Number(text);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) console.error(`error: ${error.message}`);
  else if (error instanceof SetupError) process.stderr.write(formatError(error));
  else console.error(error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
