// The environment of the command line, read in this one place.
import { DEFAULT_NAMESPACE, DEFAULT_URL, environmentForTrainer } from "@saphena/contracts";

export interface CliEnvironment {
  url: string;
  token: string | undefined;
  redisUrl: string | undefined;
  storeUrl: string | undefined;
  namespace: string;
  /** Where `up` keeps its state unless --state says otherwise. */
  stateFolder: string;
  /** CUDA_VISIBLE_DEVICES as it is: an empty one hides every GPU; null = not set. */
  visibleDevices: string | null;
  /** Stack traces below errors. */
  debug: boolean;
  color: boolean;
  /** Set by a person or a test to fix the width of tables; null = ask the terminal. */
  columns: number | null;
}

/** An empty variable is as good as none. */
const given = (name: string): string | undefined => {
  const value = process.env[name];
  return value === undefined || value === "" ? undefined : value;
};

export function cliEnvironment(): CliEnvironment {
  const stateHome = given("XDG_STATE_HOME") ?? `${given("HOME") ?? "."}/.local/state`;
  const columns = Number(given("COLUMNS"));
  return {
    url: given("SAPHENA_URL") ?? DEFAULT_URL,
    token: given("SAPHENA_TOKEN"),
    redisUrl: given("SAPHENA_REDIS_URL"),
    storeUrl: given("SAPHENA_STORE"),
    namespace: given("SAPHENA_NAMESPACE") ?? DEFAULT_NAMESPACE,
    stateFolder: `${stateHome}/saphena`,
    visibleDevices: process.env["CUDA_VISIBLE_DEVICES"] ?? null,
    debug: given("SAPHENA_DEBUG") !== undefined,
    color: given("NO_COLOR") === undefined && given("TERM") !== "dumb",
    columns: Number.isInteger(columns) && columns >= 20 ? columns : null,
  };
}

/** What children inherit, with `changes` on top. */
export function inheritedEnvironment(changes: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, ...changes };
}

/** What a trainer inherits: no credentials. */
export function trainerEnvironment(): NodeJS.ProcessEnv {
  return environmentForTrainer(process.env);
}
