// A real S3 server for tests: versitygw over a folder of its own, on loopback.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ensureVersitygw } from "@saphena/setup";
import { freePort, startChild, type KitChild } from "./child-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

export interface TestS3 {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for `openStore` or a child's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** `s3://NAME`, made when it is not there. Names have 3-63 of a-z, 0-9 and `-`; `namespace(…).store` gives one. */
  bucketUrl(name: string): Promise<string>;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** What tests that need S3 say when they are skipped. */
export const NO_S3_REASON = "no versitygw on PATH or in the cache, and no Go to build it";

/**
 * Starts versitygw, building it into the cache first when Go is there (about a minute, once). null when there is none: such tests are
 * skipped by name with NO_S3_REASON, never passed.
 */
export async function startVersitygw(): Promise<TestS3 | null> {
  const binary = await ensureVersitygw();
  if (binary === null) return null;
  const folder = await temporaryFolder("s3");
  const buckets = join(folder, "buckets");
  // Metadata in files beside the data: not every file system of a test machine has extended attributes.
  const sidecar = join(folder, "metadata");
  await Promise.all([mkdir(buckets), mkdir(sidecar)]);
  const keys = { AWS_ACCESS_KEY_ID: "test-access-key", AWS_SECRET_ACCESS_KEY: "test-secret-key" };
  const { child, port } = await startOnFreePort(binary, buckets, sidecar, keys);
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    env: { AWS_ENDPOINT_URL: endpoint, AWS_REGION: "us-east-1", ...keys },
    bucketUrl: async (name) => {
      await mkdir(join(buckets, name), { recursive: true }); // in the posix backend a folder is a bucket
      return `s3://${name}`;
    },
    stop: () => child.end("SIGTERM"),
    kill: () => child.end("SIGKILL"),
  };
}

async function startOnFreePort(
  binary: string,
  buckets: string,
  sidecar: string,
  keys: Readonly<Record<string, string>>,
): Promise<{ child: KitChild; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const args = [
      "--access",
      keys["AWS_ACCESS_KEY_ID"]!,
      "--secret",
      keys["AWS_SECRET_ACCESS_KEY"]!,
      "--port",
      `127.0.0.1:${port}`,
      "--quiet",
      "posix",
      "--sidecar",
      sidecar,
      buckets,
    ];
    const child = await startChild("versitygw", binary, args, { cwd: buckets });
    try {
      await until(async () => child.ended || (await fetch(`http://127.0.0.1:${port}/`)).status === 403, {
        timeoutMs: 20_000,
        what: `versitygw on port ${port}`,
      });
      if (child.ended) throw new Error(`versitygw ended at once:\n${child.output()}`);
      return { child, port };
    } catch (error) {
      await child.end("SIGKILL");
      if (attempt === 3) throw error; // another process took the port before the server did, or the server is broken
    }
  }
}
