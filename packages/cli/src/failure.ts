// How every failure reaches the user: `error: CODE: message`, an empty line, `hint: …`; never a stack trace unless it was asked for.
import { SaphenaError } from "@saphena/contracts";
import { SetupError } from "@saphena/setup";

/** Thrown when the user pressed Ctrl-C: exit code 130 and nothing more to say. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export interface Failure {
  /** For stderr, ending with a line end; may be empty. */
  text: string;
  exitCode: 1 | 2 | 130;
}

export function describeFailure(thrown: unknown, debug: boolean): Failure {
  if (thrown instanceof Interrupted) return { text: "", exitCode: 130 };
  const trace = debug && thrown instanceof Error ? `\n${stackOf(thrown)}\n` : "";
  if (thrown instanceof SetupError)
    return { text: `error: ${thrown.code}: ${thrown.message}\n\nhint: ${thrown.hint}\n${trace}`, exitCode: 1 };
  const error = SaphenaError.from(thrown);
  const hint =
    error.code === "INTERNAL" && !debug && !(thrown instanceof SaphenaError)
      ? "run it again with SAPHENA_DEBUG=1 to see where it happened, and please report it"
      : error.hint;
  return { text: `error: ${error.code}: ${error.message}\n\nhint: ${hint}\n${trace}`, exitCode: error.exitCode };
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}

/** A command line that is not understood. */
export function usageError(detail: string, hint?: string): SaphenaError {
  return new SaphenaError("USAGE", detail, hint === undefined ? {} : { hint });
}
