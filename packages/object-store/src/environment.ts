// The one place of this package that touches the process's environment.

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where AWS_* are read from unless the caller gives them. */
export function processEnvironment(): Environment {
  return process.env;
}

/**
 * The SDK warns on stderr, in every command of a user on Node 20, of what its releases of 2027 will need; ours are pinned. A user who has
 * set the variable is heard.
 */
export function quietenSdk(): void {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
}
