// The environment variables Saphena reads, for docs/environment.md; services parse them in their own config.ts.
export const ENVIRONMENT = {
  SAPHENA_REDIS_URL: "Redis for live state and delivery, redis://host:port/db. `saphena up` starts its own when unset",
  SAPHENA_STORE: "object store: s3://bucket/prefix or file:///absolute/folder",
  SAPHENA_URL: "where the CLI and scripts find the scheduler; default http://127.0.0.1:8321",
  SAPHENA_TOKEN: "bearer token; needed to bind any address but loopback, and by clients of such a server",
  SAPHENA_CACHE: "folder for the TensorFlow library and decoded datasets; default saphena under the user's cache folder",
  SAPHENA_NAMESPACE: "prefix of all Redis keys; default saphena",
  AWS_ENDPOINT_URL: "S3 endpoint other than AWS; AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION as usual",
} as const;
export const DEFAULT_URL = "http://127.0.0.1:8321";
export const DEFAULT_PORT = 8321;
export const DEFAULT_NAMESPACE = "saphena";
