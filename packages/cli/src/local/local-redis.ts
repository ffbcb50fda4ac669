// The Redis server that `up` starts when SAPHENA_REDIS_URL is unset: loopback, a free port, a password, everything on disk in the state folder.
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureRedis } from "@saphena/setup";
import { say } from "../terminal.ts";
import { freePort } from "./free-port.ts";

export interface LocalRedis {
  url: string;
  version: string;
  binary: string;
  configPath: string;
}

/** Fetches the server program when there is none, and writes its configuration. */
export async function prepareRedis(stateFolder: string): Promise<LocalRedis> {
  const { binary, version } = await ensureRedis({ say });
  const folder = join(stateFolder, "redis");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const port = await freePort();
  // Loopback is open to every user of the machine, so the server wants a password; it is made anew at every start.
  const password = randomBytes(24).toString("hex");
  const configPath = join(folder, "redis.conf");
  writeFileSync(configPath, redisConfig({ port, folder, password }), { mode: 0o600 });
  return { url: `redis://:${password}@127.0.0.1:${port}`, version, binary, configPath };
}

function redisConfig({ port, folder, password }: { port: number; folder: string; password: string }): string {
  const settings: Record<string, string> = {
    bind: "127.0.0.1",
    port: String(port),
    requirepass: password,
    dir: JSON.stringify(folder),
    appendonly: "yes",
    appendfsync: "everysec",
    save: '""',
    "maxmemory-policy": "noeviction",
    daemonize: "no",
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}\n`)
    .join("");
}
