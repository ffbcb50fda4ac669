// The environment variables Saphena reads, for docs/environment.md. Each part parses its own in its config file;
// test/contract/reference-pages.test.ts holds that the two agree.

/** Who reads a variable: the `saphena` command, a service, or the set-up program (which the tests and the quickstart run, too). */
export type EnvironmentReader = "cli" | "scheduler" | "aggregator" | "worker" | "setup" | "quickstart";

export interface EnvironmentVariable {
  readonly what: string;
  /** The value that stands in for an unset variable; null = none, which `what` explains. */
  readonly default: string | null;
  readonly readBy: readonly EnvironmentReader[];
}

export const DEFAULT_URL = "http://127.0.0.1:8321";
export const DEFAULT_PORT = 8321;
export const DEFAULT_NAMESPACE = "saphena";

const variable = (readBy: readonly EnvironmentReader[], what: string, fallback: string | null = null): EnvironmentVariable => ({
  what,
  default: fallback,
  readBy,
});

const SERVICES = ["scheduler", "aggregator", "worker"] as const;
const STORE_READERS = ["cli", ...SERVICES] as const;

export const ENVIRONMENT: Readonly<Record<string, EnvironmentVariable>> = {
  // Where things are
  SAPHENA_URL: variable(["cli"], "where the command and scripts find the server", DEFAULT_URL),
  SAPHENA_TOKEN: variable(
    ["cli", "scheduler", "aggregator"],
    "the server's bearer token, 8 characters or more: needed to bind any address but loopback, and by the clients of a server that has one",
  ),
  SAPHENA_REDIS_URL: variable(
    ["cli", "setup", ...SERVICES],
    "Redis for live state and delivery, `redis://[:password@]host:port[/db]`; `saphena up` starts a Redis of its own when unset",
    "redis://127.0.0.1:6379",
  ),
  SAPHENA_STORE: variable(
    STORE_READERS,
    "the object store, `s3://bucket/prefix` or `file:///absolute/folder`; services need it, `saphena up` uses its state folder when unset",
  ),
  SAPHENA_NAMESPACE: variable(["cli", ...SERVICES], "prefix of all Redis keys: two systems can share a Redis", DEFAULT_NAMESPACE),
  SAPHENA_CACHE: variable(
    ["setup", "worker"],
    "folder for the TensorFlow library, Redis and decoded datasets; shared by clones, safe to delete. Unset: `saphena` under `XDG_CACHE_HOME` or `~/.cache`",
  ),
  // Scheduler
  SAPHENA_HOST: variable(["scheduler"], "address to bind; any but loopback needs SAPHENA_TOKEN", "127.0.0.1"),
  SAPHENA_PORT: variable(["scheduler", "quickstart"], "port of the front door; 0 = any free one", String(DEFAULT_PORT)),
  SAPHENA_AGGREGATOR_URL: variable(["scheduler"], "where the scheduler finds the aggregator", "http://127.0.0.1:8322"),
  // Aggregator
  SAPHENA_AGGREGATOR_HOST: variable(["aggregator"], "address to bind", "127.0.0.1"),
  SAPHENA_AGGREGATOR_PORT: variable(["aggregator"], "port to bind; only the scheduler talks to it", "8322"),
  SAPHENA_INDEX: variable(["aggregator"], "path of the DuckDB file; disposable, one an instance", "index.duckdb"),
  // Worker
  SAPHENA_POOL: variable(["worker"], "take runs of this pool", "default"),
  SAPHENA_SLOTS: variable(
    ["worker"],
    "runs at once. Unset: SAPHENA_SLOTS_PER_DEVICE for each GPU that `nvidia-smi` lists and CUDA_VISIBLE_DEVICES allows; one a CPU core where there is none",
  ),
  SAPHENA_SLOTS_PER_DEVICE: variable(
    ["worker"],
    "runs at once on each GPU; small networks leave most of a card idle. With SAPHENA_SLOTS: at most so many altogether",
    "1",
  ),
  SAPHENA_SLOT_OFFSET: variable(
    ["worker"],
    "slots that other workers of this machine have before this one: spreads them over the GPUs in turn, as `saphena up` does",
    "0",
  ),
  SAPHENA_SPARE_TRAINERS: variable(
    ["worker"],
    "`1`: a loaded trainer waits for the next run of each slot, which then starts in a fraction of a second; about 100 MB a slot. `0`: none does",
    "1",
  ),
  SAPHENA_WORKER_ID: variable(["worker"], "name of the worker, unique among all. Unset: host name and six random digits"),
  SAPHENA_HEARTBEAT_MS: variable(["worker"], "time between two heartbeats; well below SAPHENA_LEASE_MS", "5000"),
  SAPHENA_RELEASE_GRACE_MS: variable(["worker"], "on SIGTERM, time for a trainer to write its checkpoint before it is killed", "20000"),
  SAPHENA_STALL_MS: variable(
    ["worker"],
    "a trainer that says nothing for so long is killed and its run tried again; longer than anything it does in silence",
    "1800000",
  ),
  SAPHENA_ENGINE: variable(
    ["worker"],
    "`native` or `wasm`: train on that engine or not at all. Unset: native TensorFlow, or WASM on a platform that has none (docs/performance.md: how much slower)",
  ),
  SAPHENA_KERNELS: variable(
    ["worker"],
    "`tensorflow`: train with TensorFlow's kernels alone; `avx2`: Saphena's own as on a processor without AVX-512. The numbers differ in their last digits (docs/performance.md)",
    "own",
  ),
  SAPHENA_CHECKPOINT_EVERY: variable(["worker"], "epochs between two checkpoints", "1"),
  // Several parts
  SAPHENA_LEASE_MS: variable(
    ["scheduler", "worker"],
    "a worker or leading scheduler that was silent for so long counts as lost; equal everywhere",
    "10000",
  ),
  SAPHENA_LOG_LEVEL: variable(SERVICES, "`trace`, `debug`, `info`, `warn`, `error` or `silent`; JSON lines on stderr", "info"),
  SAPHENA_DEBUG: variable(["cli", "setup"], "any value: stack traces below errors"),
  // S3, when SAPHENA_STORE begins with s3://
  AWS_ENDPOINT_URL: variable(STORE_READERS, "S3 endpoint other than AWS, such as `http://127.0.0.1:7070`; addressed path-style"),
  AWS_ENDPOINT_URL_S3: variable(STORE_READERS, "the same; goes before AWS_ENDPOINT_URL"),
  AWS_ACCESS_KEY_ID: variable(STORE_READERS, "access key. Unset: the SDK's own chain (profile, container, instance)"),
  AWS_SECRET_ACCESS_KEY: variable(STORE_READERS, "secret key"),
  AWS_SESSION_TOKEN: variable(STORE_READERS, "session token of temporary keys"),
  AWS_REGION: variable(STORE_READERS, "region. Unset: AWS_DEFAULT_REGION, then the profile's, or `us-east-1` with an endpoint"),
  AWS_DEFAULT_REGION: variable(STORE_READERS, "region where AWS_REGION is unset"),
  // The machine
  CUDA_VISIBLE_DEVICES: variable(
    ["cli", "worker"],
    "the GPUs to use, as indices or UUIDs of `nvidia-smi -L`; empty = none. Unset: all. A worker gives each trainer one of them",
  ),
  XDG_CACHE_HOME: variable(["setup"], "parent of the default SAPHENA_CACHE", "~/.cache"),
  XDG_STATE_HOME: variable(["cli"], "parent of the default `saphena up --state`", "~/.local/state"),
  NO_COLOR: variable(["cli"], "any value: no colours"),
  COLUMNS: variable(["cli"], "width of tables in characters, at least 20. Unset: the terminal's"),
};

const FOR_TRAINERS =
  /^(PATH|HOME|LANG|LC_.*|TMPDIR|TZ|LD_LIBRARY_PATH|CUDA_.*|NVIDIA_.*|TF_.*|SAPHENA_CACHE|SAPHENA_ENGINE|SAPHENA_KERNELS|XDG_CACHE_HOME)$/;

/** The variables that a trainer may see: where to find programs, libraries and devices, which engine and kernels to take. Credentials stay out. */
export function environmentForTrainer(environment: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => FOR_TRAINERS.test(name)));
}
