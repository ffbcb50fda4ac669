import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, connect } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { SaphenaError } from "@saphena/contracts";
import { startChild, startRedis, temporaryFolder, until } from "@saphena/testing";
import { describe, expect, it } from "vitest";
import { prepareRedis } from "./local-redis.ts";
import { probeRedis } from "./redis-probe.ts";

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "done",
    (error: SaphenaError) => error.code,
  );

describe("asking a Redis server who it is", () => {
  it("gives version, policy and whether it keeps a file; a policy that forgets keys is refused", async () => {
    const redis = await startRedis();
    const facts = await probeRedis(redis.url);
    expect(facts).toMatchObject({ maxmemoryPolicy: "noeviction", appendOnly: true });
    expect(facts.version).toMatch(/^\d+\.\d+/);
    const socket = connect(redis.port, "127.0.0.1");
    socket.write("CONFIG SET maxmemory-policy allkeys-lru\r\n");
    await once(socket, "data");
    socket.destroy();
    expect(await codeOf(probeRedis(redis.url))).toBe("REDIS_UNSUITABLE");
    await redis.stop();
    expect(await codeOf(probeRedis(redis.url))).toBe("REDIS_UNREACHABLE");
  });

  it("does not wait for ever for a server that says nothing", async () => {
    const silent = createServer(() => undefined);
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    expect(await codeOf(probeRedis(`redis://127.0.0.1:${(silent.address() as AddressInfo).port}`, 100))).toBe("REDIS_UNREACHABLE");
    silent.close();
  });

  it("refuses an address of another kind without repeating its password", async () => {
    await expect(probeRedis("http://me:hush@here")).rejects.toThrow(/^(?!.*hush).*SAPHENA_REDIS_URL/s);
  });
});

describe("the Redis server of `saphena up`", () => {
  it("wants the password that only its URL has", async () => {
    const state = await temporaryFolder("state with space");
    writeFileSync(join(state, "marker"), "");
    const { url, binary, configPath } = await prepareRedis(state);
    const server = await startChild("redis-server", binary, [configPath]);
    const facts = await until(() => probeRedis(url), { what: "the server" });
    expect(facts).toMatchObject({ maxmemoryPolicy: "noeviction", appendOnly: true });
    const { host } = new URL(url);
    expect(await codeOf(probeRedis(`redis://${host}`))).toBe("REDIS_UNREACHABLE");
    expect(await codeOf(probeRedis(`redis://:wrong@${host}`))).toBe("REDIS_UNREACHABLE");
    await server.end("SIGTERM");
  });
});
