// From a URL to a store.
import { processEnvironment, quietenSdk, type Environment } from "./environment.ts";
import { FileStore } from "./file-store.ts";
import { networkFileSystemOf } from "./network-file-system.ts";
import type { ObjectStore } from "./object-store.ts";
import { parseStoreUrl, withoutCredentials } from "./store-url.ts";

export interface OpenStoreOptions {
  /** Where AWS_* are read from; default `process.env`. */
  env?: Environment;
  /** Takes one warning a line; default: stderr. */
  warn?: (line: string) => void;
}

/**
 * `file:///folder` (made when it is not there) or `s3://bucket/prefix` (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and the SDK's other
 * sources; with an endpoint buckets are addressed path-style). An S3 server is not contacted yet: `probeConditionalWrites` does that.
 * Throws STORE_URL_INVALID, ENVIRONMENT_INVALID, STORE_UNREACHABLE.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<ObjectStore> {
  const location = parseStoreUrl(url, options.env ?? processEnvironment());
  switch (location.type) {
    case "s3": {
      quietenSdk();
      const { S3Store } = await import("./s3-store.ts"); // 0.1 s and 20 MB that users of file:// need not spend
      return new S3Store(withoutCredentials(url), location);
    }
    case "file": {
      const store = await FileStore.open(location.folder);
      const network = await networkFileSystemOf(location.folder);
      const warn = options.warn ?? ((line: string) => process.stderr.write(`${line}\n`));
      if (network !== null)
        warn(
          `warning: ${url} is on a network file system (${network}); whether creates are exclusive and durable there depends on its settings. An S3 server is safer: SAPHENA_STORE=s3://bucket/prefix`,
        );
      return store;
    }
  }
}
