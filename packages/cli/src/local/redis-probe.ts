// Asks a Redis server who it is, in its own protocol: the CLI does not carry a Redis client for three questions.
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { SaphenaError } from "@saphena/contracts";

export interface RedisFacts {
  version: string;
  /** null when the server does not tell (managed services forbid CONFIG). */
  maxmemoryPolicy: string | null;
  /** Is anything written to an append-only file? null when the server does not tell. */
  appendOnly: boolean | null;
}

const VERSION_FLOOR = [6, 2] as const;

/** REDIS_UNREACHABLE when it does not answer, REDIS_UNSUITABLE when it is too old or may forget keys, ENVIRONMENT_INVALID for a bad URL. */
export async function probeRedis(url: string, timeoutMs = 5_000): Promise<RedisFacts> {
  const target = parseRedisUrl(url);
  const socket = target.tls
    ? connectTls({ host: target.host, port: target.port, servername: target.host })
    : connectTcp(target.port, target.host);
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  try {
    await once(socket, target.tls ? "secureConnect" : "connect");
    const ask = asker(socket);
    if (target.password !== "") await ask(target.user === "" ? ["AUTH", target.password] : ["AUTH", target.user, target.password]);
    await ask(["PING"]); // refused while the append-only file is still being loaded
    const info = await ask(["INFO", "server"]);
    const version = /redis_version:(\S+)/.exec(info)?.[1] ?? "unknown";
    const setting = async (name: string): Promise<string | null> =>
      ask(["CONFIG", "GET", name]).then(
        (reply) => reply.split("\r\n").at(-2) ?? null,
        () => null,
      );
    const facts = { version, maxmemoryPolicy: await setting("maxmemory-policy"), appendOnly: isYes(await setting("appendonly")) };
    assertSuitable(facts);
    return facts;
  } catch (thrown) {
    if (thrown instanceof SaphenaError) throw thrown;
    throw new SaphenaError("REDIS_UNREACHABLE", `${target.host}:${target.port} (${reasonOf(thrown)})`, { cause: thrown });
  } finally {
    socket.destroy();
  }
}

function assertSuitable({ version, maxmemoryPolicy }: RedisFacts): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < VERSION_FLOOR[0] || (major === VERSION_FLOOR[0] && minor < VERSION_FLOOR[1]))
    throw new SaphenaError("REDIS_UNSUITABLE", `it is version ${version}`);
  if (maxmemoryPolicy !== null && maxmemoryPolicy !== "noeviction")
    throw new SaphenaError("REDIS_UNSUITABLE", `its maxmemory-policy is ${maxmemoryPolicy}`);
}

const isYes = (text: string | null): boolean | null => (text === null ? null : text === "yes");

function reasonOf(thrown: unknown): string {
  const errors = thrown instanceof AggregateError ? (thrown.errors as unknown[]) : [thrown];
  return errors.map((error) => (error instanceof Error ? error.message : String(error))).join("; ");
}

interface RedisTarget {
  host: string;
  port: number;
  tls: boolean;
  user: string;
  password: string;
}

function parseRedisUrl(text: string): RedisTarget {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === "") {
    throw new SaphenaError("ENVIRONMENT_INVALID", "SAPHENA_REDIS_URL is not of the form redis://host:port", {
      hint: "for example redis://127.0.0.1:6379",
    });
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 6379 : Number(url.port),
    tls: url.protocol === "rediss:",
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
}

/** Sends one command at a time and gives its raw reply, up to the end of a bulk string or of a flat list of them. */
function asker(socket: Socket): (words: readonly string[]) => Promise<string> {
  let received = "";
  let wake: (() => void) | null = null;
  let failure: Error | null = null;
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    received += text;
    wake?.();
  });
  socket.on("error", (error) => {
    failure = error;
    wake?.();
  });
  socket.on("close", () => {
    failure ??= new Error("the connection was closed");
    wake?.();
  });
  return async (words) => {
    received = "";
    socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`);
    for (;;) {
      if (received.startsWith("-") && received.includes("\r\n")) throw new Error(received.slice(1).split("\r\n")[0]);
      if (isWhole(received)) return received;
      if (failure !== null) throw failure;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
}

function isWhole(reply: string): boolean {
  const end = reply.indexOf("\r\n");
  if (end === -1) return false;
  const size = Number(reply.slice(1, end));
  if (reply.startsWith("$")) return Buffer.byteLength(reply) >= end + 2 + size + 2;
  if (!reply.startsWith("*")) return true;
  // Two lines an element: `$<length>` and the text, which in these replies has no line end.
  return reply.split("\r\n").length >= 2 + 2 * size;
}
