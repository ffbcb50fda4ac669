// A real Redis server for tests: loopback, a free port, append-only file on, a folder of its own.
import { connect } from "node:net";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureRedis } from "@saphena/setup";
import { freePort, startChild, type KitChild } from "./child-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { until } from "./until.ts";

export interface TestRedis {
  /** `redis://127.0.0.1:PORT`, also after a restart. */
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Where the append-only file and `redis.log` are. */
  readonly folder: string;
  /** Orderly end; does nothing when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL, the crash a test wants. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data, after stop(), kill() or (then SIGTERM first) while it runs. */
  restart(): Promise<void>;
}

export interface RedisOptions {
  /** Default "everysec", as in production. */
  appendfsync?: "always" | "everysec" | "no";
}

/** Starts a redis-server and resolves when it answers. It ends with the test process at the latest. */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const { binary } = await ensureRedis();
  const folder = await temporaryFolder("redis");
  let { child, port } = await startOnFreePort(binary, folder, options);
  const redis: TestRedis = {
    get url() {
      return `redis://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    get pid() {
      return child.pid;
    },
    folder,
    stop: () => child.end("SIGTERM"),
    kill: () => child.end("SIGKILL"),
    restart: async () => {
      await child.end("SIGTERM");
      child = await startOn(port, binary, folder, options);
    },
  };
  return redis;
}

/** Another process may take the port between our asking and the server's binding, so a server that ends at once is tried again elsewhere. */
async function startOnFreePort(binary: string, folder: string, options: RedisOptions): Promise<{ child: KitChild; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return { child: await startOn(port, binary, folder, options), port };
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

async function startOn(port: number, binary: string, folder: string, options: RedisOptions): Promise<KitChild> {
  const settings = {
    bind: "127.0.0.1",
    port: String(port),
    dir: folder,
    logfile: join(folder, "redis.log"),
    appendonly: "yes",
    appendfsync: options.appendfsync ?? "everysec",
    save: "",
    "maxmemory-policy": "noeviction",
    daemonize: "no",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = await startChild("redis-server", binary, args);
  try {
    await until(async () => child.ended || (await answersPing(port)), { timeoutMs: 20_000, what: `redis-server on port ${port}` });
    if (child.ended) throw new Error("redis-server ended at once");
  } catch (error) {
    await child.end("SIGKILL");
    const log = await readFile(settings.logfile, "utf8").catch(() => "");
    throw new Error(`redis-server did not start:\n${child.output()}${log.slice(-2_000)}`, { cause: error });
  }
  return child;
}

/** False while it refuses connections or still loads its append-only file. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const finish = (answers: boolean): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.once("error", () => finish(false));
    socket.once("data", (reply) => finish(reply.toString().startsWith("+PONG")));
  });
}
