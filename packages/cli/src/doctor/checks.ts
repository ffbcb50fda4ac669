// The checks of `saphena doctor`. Each looks at the real thing: the server is asked, the store gets two racing writes.
import { SaphenaError, chooseEngine } from "@saphena/contracts";
import { createClient } from "@saphena/client";
import { openStore, probeConditionalWrites } from "@saphena/object-store";
import { locateRedis, locateTensorflow } from "@saphena/setup";
import type { CliEnvironment } from "../environment.ts";
import { probeRedis } from "../local/redis-probe.ts";
import { servicePaths } from "../local/service-paths.ts";
import type { Check } from "./check.ts";
import { gatherDeviceFacts } from "./device-facts.ts";
import { deviceCheck } from "./device-findings.ts";

export type { Check };

export async function runChecks(environment: CliEnvironment): Promise<Check[]> {
  const parts = await Promise.all([checkRedis(environment), checkStore(environment), checkDevices(), checkServer(environment)]);
  return [checkNode(), checkBuild(), checkEngine(), ...parts];
}

const ok = (name: string, detail: string): Check => ({ name, state: "ok", detail, remedy: null });

function failed(name: string, thrown: unknown): Check {
  const error = SaphenaError.from(thrown);
  return { name, state: "bad", detail: error.message, remedy: error.hint };
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok("Node", process.versions.node);
  return {
    name: "Node",
    state: "bad",
    detail: `${process.versions.node} is too old`,
    remedy: "install Node 20.19 or newer from https://nodejs.org",
  };
}

function checkBuild(): Check {
  try {
    for (const path of Object.values(servicePaths)) path();
    return ok("build", "the services are built");
  } catch (thrown) {
    return failed("build", thrown);
  }
}

function checkEngine(): Check {
  const facts = locateTensorflow();
  if ("missing" in facts) {
    const choice = chooseEngine(undefined, facts);
    if (choice.engine === "wasm") return { name: "engine", state: "note", detail: choice.notice, remedy: null };
    return {
      name: "engine",
      state: "bad",
      detail: facts.missing,
      remedy: "run `npm run setup`; SAPHENA_ENGINE=wasm trains without it, slowly",
    };
  }
  return ok("engine", `TensorFlow ${facts.version} (${facts.variant}) in ${facts.libraryFolder}`);
}

async function checkRedis({ redisUrl }: CliEnvironment): Promise<Check> {
  if (redisUrl === undefined) {
    const found = locateRedis();
    if (found !== undefined) return ok("Redis", `${found.version}, ${found.binary}; \`saphena up\` starts its own`);
    return {
      name: "Redis",
      state: "bad",
      detail: "no server program was found and SAPHENA_REDIS_URL is not set",
      remedy: "run `npm run setup`, or install redis-server or valkey-server",
    };
  }
  try {
    const { version, appendOnly } = await probeRedis(redisUrl);
    if (appendOnly !== false) return ok("Redis", `${version} at SAPHENA_REDIS_URL`);
    return {
      name: "Redis",
      state: "note",
      detail: `${version} at SAPHENA_REDIS_URL keeps no append-only file`,
      remedy: "set `appendonly yes`, or a restart of the server forgets running sweeps",
    };
  } catch (thrown) {
    return failed("Redis", thrown);
  }
}

async function checkStore({ storeUrl }: CliEnvironment): Promise<Check> {
  if (storeUrl === undefined) return ok("store", "SAPHENA_STORE is not set; `saphena up` keeps objects in its state folder");
  try {
    const store = await openStore(storeUrl);
    try {
      await probeConditionalWrites(store);
      return ok("store", `${store.url}: of two racing writes one won`);
    } finally {
      await store.close();
    }
  } catch (thrown) {
    return failed("store", thrown);
  }
}

async function checkDevices(): Promise<Check> {
  return deviceCheck(await gatherDeviceFacts());
}

async function checkServer({ url, token }: CliEnvironment): Promise<Check> {
  try {
    const client = createClient({ url, token, retryMs: 0 });
    const pools = await client.pools();
    const slots = pools.reduce((total, pool) => total + pool.slots, 0);
    return ok("server", `${url}: ${slots} slots, ${pools.reduce((total, pool) => total + pool.running, 0)} running`);
  } catch (thrown) {
    const error = SaphenaError.from(thrown);
    // Not running is a state, not a fault; a wrong token or a bad address is one.
    return error.code === "SERVER_UNREACHABLE"
      ? { name: "server", state: "note", detail: error.message, remedy: error.hint }
      : failed("server", thrown);
  }
}
