// The one registry of errors: every failure a person can meet has a code, what was wrong, and what to do.
// `docs/errors.md` is generated from it. Exit codes: 1 failed, 2 bad input. Messages carry no secrets and no stack traces.

interface ErrorEntry {
  /** What was wrong, one clause without a full stop; the throw adds the detail. */
  readonly what: string;
  /** What to do about it. */
  readonly hint: string;
  readonly exitCode: 1 | 2;
  readonly httpStatus: number;
  /** May the same attempt succeed when simply tried again? */
  readonly retryable: boolean;
}

const badInput = (what: string, hint: string): ErrorEntry => ({ what, hint, exitCode: 2, httpStatus: 400, retryable: false });
const failure = (what: string, hint: string, options: { httpStatus?: number; retryable?: boolean } = {}): ErrorEntry => ({
  what,
  hint,
  exitCode: 1,
  httpStatus: options.httpStatus ?? 500,
  retryable: options.retryable ?? false,
});

export const ERRORS = {
  // What a user writes
  USAGE: badInput("the command line is not understood", "run `saphena --help` or `saphena COMMAND --help`"),
  REQUEST_INVALID: badInput("the request is not valid", "see /api/v1/openapi.json for what this route accepts"),
  ROUTE_NOT_FOUND: {
    ...badInput("there is nothing at this address", "see /api/v1/openapi.json for the routes there are"),
    exitCode: 1,
    httpStatus: 404,
  },
  SWEEP_FILE_UNREADABLE: badInput("the sweep file cannot be read", "give the path of a YAML or JSON file"),
  SWEEP_FILE_SYNTAX: badInput("the sweep file is not valid YAML or JSON", "mend the line that is named"),
  SWEEP_FILE_INVALID: badInput("the sweep file is not valid", "docs/sweep-file.md lists every key with its type and default"),
  SWEEP_OBJECTIVE_IMPOSSIBLE: badInput("the dataset cannot supply the objective", "choose a metric the dataset has labels or masks for"),
  SWEEP_NOT_FOUND: { ...badInput("there is no such sweep", "`saphena ls` lists the sweeps"), exitCode: 1, httpStatus: 404 },
  SWEEP_STATE: {
    ...badInput("the sweep is not in a state that allows this", "`saphena status SWEEP` shows its state"),
    exitCode: 1,
    httpStatus: 409,
  },
  SWEEP_ID_TAKEN: { ...badInput("another sweep has this id", "submit without an id: the client makes one"), exitCode: 1, httpStatus: 409 },
  RUN_NOT_FOUND: { ...badInput("there is no such run", "`saphena trials SWEEP` lists the runs of a sweep"), exitCode: 1, httpStatus: 404 },
  DATASET_NOT_FOUND: {
    ...badInput("there is no such dataset", "`saphena dataset ls` lists the datasets; import one with `saphena dataset import`"),
    httpStatus: 404,
  },
  DATASET_NAME_INVALID: badInput(
    "the dataset name is not valid",
    "use 1-64 of a-z, 0-9, `-`, `_` and `.`, beginning with a letter or digit",
  ),
  MANIFEST_UNREADABLE: badInput("the manifest cannot be read", "give a CSV or JSONL file, or a folder with one folder per class"),
  MANIFEST_INVALID: badInput("the dataset has bad rows or files", "mend the rows that are named, or leave them out with --skip-bad"),
  IMAGE_INVALID: badInput("the image cannot be used", "re-export it as PNG, JPEG or WebP"),
  MASK_INVALID: badInput("the mask cannot be used", "masks are PNG of the same size as their image after EXIF orientation"),
  SPLIT_IMPOSSIBLE: badInput("the dataset cannot be split so", "use fewer folds, or another cv.groupBy"),
  SPLIT_LEAK: failure("the split leaks: training and validation share data", "this is an error of the split file; make the split anew"),
  FOLDER_UNUSABLE: badInput("the folder cannot be used", "give the path of a folder that you may write to"),
  FOLD_NOT_FOUND: badInput("there is no such fold", "folds are counted from 0 to cv.folds - 1"),
  MODEL_CONFIG_INVALID: badInput("the network cannot be built so", "docs/sweep-file.md gives the limits of `model`"),
  // The environment
  ENVIRONMENT_INVALID: badInput("an environment variable is not valid", "docs/environment.md lists them"),
  SETUP_NOT_BUILT: failure("Saphena is not built in this clone yet", "run `npm run setup` in the repository first"),
  ENGINE_MISSING: failure(
    "the TensorFlow engine is not set up",
    "run `npm run setup`; `saphena doctor` tells what is missing, and SAPHENA_ENGINE=wasm trains without it, slowly",
  ),
  REDIS_MISSING: failure("no Redis server program was found", "run `npm run setup`, or install redis-server or valkey-server"),
  REDIS_UNREACHABLE: failure("Redis cannot be reached", "check SAPHENA_REDIS_URL and that the server runs", {
    httpStatus: 503,
    retryable: true,
  }),
  REDIS_UNSUITABLE: failure("this Redis server cannot be used", "Saphena needs Redis 6.2 or newer with maxmemory-policy noeviction"),
  STORE_UNREACHABLE: failure("the object store cannot be reached", "check SAPHENA_STORE, AWS_ENDPOINT_URL and the credentials", {
    httpStatus: 503,
    retryable: true,
  }),
  STORE_UNSUITABLE: failure(
    "the object store has no conditional writes",
    "use a store that honours If-None-Match on PUT; two racing writes both won here",
  ),
  STORE_URL_INVALID: badInput("SAPHENA_STORE is not valid", "use s3://bucket/prefix or file:///absolute/folder"),
  OBJECT_NOT_FOUND: failure(
    "there is no such object in the store",
    "`saphena dataset verify` and `saphena index rebuild` tell what is missing",
    { httpStatus: 404 },
  ),
  OBJECT_CORRUPT: failure("an object's content does not match its hash", "the stored object is damaged; import or train it anew", {
    retryable: true,
  }),
  OBJECT_KEY_INVALID: badInput("the object key is not valid", "keys are relative paths without `..`"),
  SERVER_UNREACHABLE: failure("the Saphena server cannot be reached", "start it with `saphena up`, or set SAPHENA_URL", {
    retryable: true,
  }),
  SERVER_NOT_READY: failure("the server is not ready", "try again in a moment; /readyz tells what it waits for", {
    httpStatus: 503,
    retryable: true,
  }),
  TOKEN_REQUIRED: badInput("this address may not be bound without SAPHENA_TOKEN", "set SAPHENA_TOKEN, or bind 127.0.0.1"),
  TOKEN_WRONG: { ...badInput("the token is missing or wrong", "set SAPHENA_TOKEN to the server's token"), exitCode: 1, httpStatus: 401 },
  STATE_LOCKED: failure("another `saphena up` uses this state folder", "stop it first, or give another --state"),
  PORT_IN_USE: failure("the port is taken", "give another with --port"),
  CHILD_FAILED: failure("a part of the system did not start", "the log named in the message tells why"),
  // Training
  PRECISION_UNSUPPORTED: badInput(
    "the engine cannot compute in this precision",
    "set train.precision to float32, or run `npm run setup` for native TensorFlow",
  ),
  LOSS_NOT_FINITE: failure("the loss is not a finite number any more", "lower train.optimizer.learningRate"),
  CHECKPOINT_INVALID: failure("the checkpoint cannot be used", "the run starts again from an older checkpoint or from the beginning"),
  OUT_OF_MEMORY: failure("memory ran out", "lower train.batchSize, model.baseFilters or model.inputSize", { retryable: true }),
  TRAINER_CRASHED: failure("the trainer process ended by itself", "`saphena logs RUN` shows its last lines", { retryable: true }),
  RUN_LOST: failure("the worker of the run was lost", "the run is tried again up to retry.max times", { retryable: true }),
  // Fences: never shown to a user unless something is badly wrong
  STALE_ATTEMPT: failure("another attempt of the run has taken over", "nothing to do: the newer attempt counts", { httpStatus: 409 }),
  STALE_LEADER: failure("another scheduler leads now", "nothing to do: the newer leader decides", { httpStatus: 409 }),
  INTERNAL: failure("something went wrong inside Saphena", "please report this with the log"),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** What crosses a process boundary in place of an error. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  hint: string;
}

/** An error with a registered code. `message` reads "<what was wrong>: <detail>". */
export class SaphenaError extends Error {
  override readonly name = "SaphenaError";
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, detail?: string, options: { hint?: string; cause?: unknown } = {}) {
    super(
      detail === undefined ? ERRORS[code].what : `${ERRORS[code].what}: ${detail}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
  }

  get exitCode(): 1 | 2 {
    return ERRORS[this.code].exitCode;
  }
  get httpStatus(): number {
    return ERRORS[this.code].httpStatus;
  }
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  toBody(): ErrorBody {
    return { code: this.code, message: this.message, hint: this.hint };
  }

  /** The error another process sent; an unknown code becomes INTERNAL with its text kept. */
  static fromBody(body: { code: string; message: string; hint?: string }): SaphenaError {
    const code = isErrorCode(body.code) ? body.code : "INTERNAL";
    const prefix = `${ERRORS[code].what}: `;
    const detail =
      body.message === ERRORS[code].what ? undefined : body.message.startsWith(prefix) ? body.message.slice(prefix.length) : body.message;
    return new SaphenaError(code, detail, body.hint === undefined ? {} : { hint: body.hint });
  }

  /** Any thrown value as a SaphenaError; unregistered ones become INTERNAL with the cause kept. */
  static from(thrown: unknown): SaphenaError {
    if (thrown instanceof SaphenaError) return thrown;
    return new SaphenaError("INTERNAL", thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
