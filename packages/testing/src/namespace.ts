// Names that keep tests apart on one shared server.
import { createHash, randomBytes } from "node:crypto";

export interface Namespace {
  /** For SAPHENA_NAMESPACE and queue options, e.g. `t-1f0c9a3b-5d21`. */
  redis: string;
  /** A store prefix or bucket name (3-63 of a-z, 0-9 and `-`), without slashes. */
  store: string;
}

/** A new namespace at every call. It begins with a hash of `testName`, so that what a failed test left can be found again. */
export function namespace(testName: string): Namespace {
  const unique = `t-${createHash("sha256").update(testName).digest("hex").slice(0, 8)}-${randomBytes(4).toString("hex")}`;
  return { redis: unique, store: unique };
}
