// The test kit inside vitest: servers shared by the tests of one file, and the leak check. Apart from index.ts because this imports vitest.
//
//   const redis = useRedis();
//   … inside a test: connect(redis().url)
import { afterAll, beforeAll } from "vitest";
import { assertNoLivingChildren } from "./child-process.ts";
import { startRedis, type RedisOptions, type TestRedis } from "./redis.ts";

/** One Redis for all tests of the file (or `describe`), stopped after them. Call the result inside tests; use `namespace()` to keep tests apart. */
export function useRedis(options: RedisOptions = {}): () => TestRedis {
  let redis: TestRedis | undefined;
  beforeAll(async () => {
    redis = await startRedis(options);
  });
  afterAll(async () => {
    await redis?.stop();
  });
  return () => {
    if (redis === undefined) throw new Error("useRedis() gives its server inside tests and hooks only");
    return redis;
  };
}

/**
 * Fails the test file when a server of the kit still runs after it. Call it at the top of the file, before the hooks that stop servers:
 * vitest runs `afterAll` hooks in reverse, so the check then comes last.
 */
export function checkLeaks(): void {
  afterAll(assertNoLivingChildren);
}
