// What a benchmark is to the dispatcher: numeric options with defaults in, figures out.

/** Figures of one run; printed as one JSON line, so keys carry their units. */
export type Figures = Readonly<Record<string, unknown>>;

export interface Benchmark {
  readonly summary: string;
  /** Options by name (as written on the command line, without dashes) and their defaults: whole numbers of 1 or more. */
  readonly options: Readonly<Record<string, number>>;
  /** Options without a value, given to `run` as 1, or 0 where they are not written. */
  readonly flags?: readonly string[];
  run(options: Readonly<Record<string, number>>): Promise<Figures>;
}
