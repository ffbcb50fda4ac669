// What is wrong with a row or a file of a user's dataset, and how a list of such reads.
import { compareText } from "../canonical-json.ts";

export interface Problem {
  /** Line of the manifest or path of the file. */
  readonly where: string;
  readonly id: string | null;
  /** What is wrong, with the value that is. */
  readonly what: string;
  /** What would be right. */
  readonly remedy: string;
}

/** In the order of the manifest's lines, or of the paths. */
export function byPlace(a: Problem, b: Problem): number {
  const line = ({ where }: Problem): number => Number(/^line (\d+)$/.exec(where)?.[1] ?? 0);
  return line(a) - line(b) || compareText(a.where, b.where);
}

const MOST_PRINTED = 20;

/** A count, then one indented line a problem, the first 20 of them. */
export function formatProblems(problems: readonly Problem[]): string {
  const lines = problems.slice(0, MOST_PRINTED).map((problem) => `\n  ${formatProblem(problem)}`);
  const more = problems.length - lines.length;
  return `${problems.length} problem${problems.length === 1 ? "" : "s"}${lines.join("")}${more > 0 ? `\n  and ${more} more` : ""}`;
}

export function formatProblem({ where, id, what, remedy }: Problem): string {
  return `${where}${id === null ? "" : ` (id ${id})`}: ${what}; ${remedy}`;
}
