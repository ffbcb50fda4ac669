// Turns what the AWS SDK throws into registered errors. The SDK's error is never kept as a cause: it carries the request with its headers.
import { SaphenaError } from "@saphena/contracts";
import { withoutCredentials, type S3Location } from "./store-url.ts";

/** The parts of an SDK or socket error that decisions need. */
export interface S3Fault {
  /** `NoSuchKey`, `SlowDown`, `ECONNREFUSED`, … */
  name: string;
  /** HTTP status, 0 when no answer came. */
  status: number;
}

export function faultOf(thrown: unknown): S3Fault {
  const error = (typeof thrown === "object" && thrown !== null ? thrown : {}) as {
    name?: unknown;
    code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  const status = error.$metadata?.httpStatusCode ?? 0;
  const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" && value !== "Error" ? value : undefined);
  // A socket error says ECONNREFUSED in `code`; a service error its S3 code in `name`.
  return { name: (status === 0 ? text(error.code) : undefined) ?? text(error.name) ?? "unknown error", status };
}

/** By name, not by 404 alone: versitygw answers 404 to an unknown access key too. HEAD has no body, so its name is the status' own. */
export const isMissing = ({ name }: S3Fault): boolean => name === "NoSuchKey" || name === "NotFound";
export const isPreconditionFailed = ({ name, status }: S3Fault): boolean => status === 412 || name === "PreconditionFailed";
export const isConflict = ({ name, status }: S3Fault): boolean => status === 409 || name === "ConditionalRequestConflict";
/** The request may have been carried out all the same: no answer, or a server error. */
export const isOutcomeUnknown = ({ status }: S3Fault): boolean => status === 0 || status >= 500;

// XAdminUserNotFound is versitygw's word for an unknown access key.
const REFUSED = new Set([
  "XAdminUserNotFound",
  "AccessDenied",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "ExpiredToken",
  "InvalidToken",
  "TokenRefreshRequired",
  "Forbidden",
  "403",
  "401",
]);

/** A SaphenaError for what went wrong with `key`; one that is a SaphenaError already passes. */
export function s3Error(thrown: unknown, location: S3Location, key: string): SaphenaError {
  if (thrown instanceof SaphenaError) return thrown;
  const fault = faultOf(thrown);
  const where = `s3://${location.bucket}${location.endpoint === null ? "" : ` at ${withoutCredentials(location.endpoint)}`}`;
  if (fault.name === "NoSuchBucket")
    return new SaphenaError("STORE_UNREACHABLE", `${where}: there is no such bucket`, { hint: "create the bucket, or mend SAPHENA_STORE" });
  if (isMissing(fault)) return new SaphenaError("OBJECT_NOT_FOUND", key);
  if (fault.name === "CredentialsProviderError" || /credential/i.test(fault.name))
    return new SaphenaError("STORE_UNREACHABLE", `${where}: no credentials were found`, {
      hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    });
  if (thrown instanceof Error && /region is missing/i.test(thrown.message))
    return new SaphenaError("STORE_UNREACHABLE", `${where}: no region is set`, { hint: "set AWS_REGION" });
  if (REFUSED.has(fault.name) || fault.status === 401 || fault.status === 403)
    return new SaphenaError("STORE_UNREACHABLE", `${where}: the credentials were refused (${fault.name})`, {
      hint: "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy",
    });
  if (fault.status === 501) return new SaphenaError("STORE_UNSUITABLE", `${where} answers 501 (${fault.name})`);
  return new SaphenaError("STORE_UNREACHABLE", `${where}: ${fault.name}${fault.status === 0 ? "" : ` (HTTP ${fault.status})`} for ${key}`);
}
