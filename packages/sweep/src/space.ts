// What one parameter of a search space allows: its draw at a point of the unit interval, and its values as a grid.
import type { Parameter, ParameterValue } from "@saphena/contracts";

type FloatParameter = Extract<Parameter, { type: "float" }>;
type IntParameter = Extract<Parameter, { type: "int" }>;

const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));

/** How many of min, min + step, … are not above max. The tolerance lets 0.1 … 0.5 by 0.1 have its fifth value. */
function stepCount(min: number, max: number, step: number): number {
  return Math.floor((max - min) / step + 1e-9) + 1;
}

/** The i-th value; twelve digits, so that 0.1 + 2 × 0.1 is written 0.3. */
function stepValue(min: number, step: number, i: number): number {
  return Number((min + i * step).toPrecision(12));
}

/** Uniform in the logarithm between two positive bounds. */
function logPoint(u: number, low: number, high: number): number {
  return Math.exp(Math.log(low) + u * (Math.log(high) - Math.log(low)));
}

function floatAt({ min, max, log, step }: FloatParameter, u: number): number {
  if (step !== undefined) return stepValue(min, step, Math.floor(u * stepCount(min, max, step)));
  return clamp(log ? logPoint(u, min, max) : min + u * (max - min), min, max);
}

function intAt({ min, max, log, step }: IntParameter, u: number): number {
  const count = stepCount(min, max, step);
  if (!log) return min + Math.floor(u * count) * step;
  // Every integer owns the half unit on either side of it, so the ends are as likely as their neighbours in log scale.
  const nearest = Math.round((logPoint(u, min - 0.5, max + 0.5) - min) / step);
  return min + clamp(nearest, 0, count - 1) * step;
}

/** The value at u in [0, 1): uniform over the range, or over its logarithm. */
export function valueAt(parameter: Parameter, u: number): ParameterValue {
  switch (parameter.type) {
    case "float":
      return floatAt(parameter, u);
    case "int":
      return intAt(parameter, u);
    case "categorical":
      return parameter.values[Math.floor(u * parameter.values.length)]!;
  }
}

/** Doublings from min: the grid of an integer in log scale. */
function doublings(min: number, max: number): number[] {
  const values: number[] = [];
  for (let value = min; value <= max; value *= 2) values.push(value);
  return values;
}

/**
 * The values a grid visits, in order: a list as written, a range by its step, an integer range in log scale by doubling from min.
 * A float range needs a step or log-free equal ends (the sweep file's rules see to it); RangeError otherwise.
 */
export function gridValues(parameter: Parameter): ParameterValue[] {
  if (parameter.type === "categorical") return parameter.values;
  const { min, max, step } = parameter;
  if (min === max) return [min];
  if (parameter.type === "int" && parameter.log) return doublings(min, max);
  if (step === undefined) throw new RangeError("a grid needs a step for a float");
  return Array.from({ length: stepCount(min, max, step) }, (_, i) => stepValue(min, step, i));
}
