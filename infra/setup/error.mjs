// The one error of set-up: a code, what happened, and the remedy. Printed without a stack trace, because each is about the machine.

export class SetupError extends Error {
  /** @param {string} code @param {string} message @param {string} hint what the reader can do about it, a command where there is one */
  constructor(code, message, hint) {
    super(message);
    this.name = "SetupError";
    this.code = code;
    this.hint = hint;
  }
}

/** The two-paragraph form in which every Saphena error reaches stderr. */
export function formatError(error) {
  if (error instanceof SetupError) return `error: ${error.code}: ${error.message}\n\nhint: ${error.hint}\n`;
  const message = error instanceof Error ? error.message : String(error);
  return `error: SETUP_FAILED: ${message}\n\nhint: run it again with SAPHENA_DEBUG=1 to see where it failed\n`;
}
