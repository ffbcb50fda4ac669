// Reads a store's URL and the usual AWS variables: the one place that knows their names.
import { fileURLToPath } from "node:url";
import { SaphenaError } from "@saphena/contracts";
import type { Environment } from "./environment.ts";

export interface S3Location {
  bucket: string;
  /** Empty, or ending with a slash. */
  prefix: string;
  /** Set for servers other than AWS; addressed path-style then. */
  endpoint: string | null;
  region: string | null;
  /** null = the SDK's own chain (profile, container, instance). */
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | null;
}

export type StoreLocation = { type: "file"; folder: string } | ({ type: "s3" } & S3Location);

/** Throws STORE_URL_INVALID. */
export function parseStoreUrl(url: string, env: Environment): StoreLocation {
  if (url.startsWith("file://")) return { type: "file", folder: parseFileUrl(url) };
  if (url.startsWith("s3://")) return { type: "s3", ...parseS3Url(url, env) };
  throw new SaphenaError("STORE_URL_INVALID", withoutCredentials(url));
}

function parseFileUrl(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.search !== "" || parsed.hash !== "") throw new Error("write ? as %3F and # as %23");
    const folder = fileURLToPath(parsed); // refuses a host: file://data/store would mean the host `data`
    if (folder === "/") throw new Error("the root folder is not a store");
    return folder;
  } catch (error) {
    throw new SaphenaError("STORE_URL_INVALID", `${url} (${error instanceof Error ? error.message : String(error)})`);
  }
}

function parseS3Url(url: string, env: Environment): S3Location {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url);
  if (match === null)
    throw new SaphenaError("STORE_URL_INVALID", `${withoutCredentials(url)} does not name a bucket (3-63 of a-z, 0-9, "." and "-")`);
  const prefix = (match[2] ?? "").replace(/\/$/, "");
  if (prefix !== "" && prefix.split("/").some((segment) => segment === "" || segment === "." || segment === ".."))
    throw new SaphenaError("STORE_URL_INVALID", `${url} has an empty, "." or ".." segment`);
  const set = (name: string): string | null => env[name] || null; // an empty variable is as good as none
  const endpoint = set("AWS_ENDPOINT_URL_S3") ?? set("AWS_ENDPOINT_URL");
  if (endpoint !== null && !/^https?:\/\//.test(endpoint))
    throw new SaphenaError("ENVIRONMENT_INVALID", `AWS_ENDPOINT_URL ${withoutCredentials(endpoint)} must begin with http:// or https://`);
  const accessKeyId = set("AWS_ACCESS_KEY_ID");
  const secretAccessKey = set("AWS_SECRET_ACCESS_KEY");
  const sessionToken = set("AWS_SESSION_TOKEN");
  return {
    bucket: match[1]!,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint,
    region: set("AWS_REGION") ?? set("AWS_DEFAULT_REGION") ?? (endpoint === null ? null : "us-east-1"),
    credentials:
      accessKeyId !== null && secretAccessKey !== null
        ? { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) }
        : null,
  };
}

/** `http://user:secret@host` without what stands before the `@`, fit for messages. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//");
}
