import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { assertMayBind, isLoopbackHost } from "./access.ts";
import { parseEnvironment } from "./environment.ts";
import { createHttpServer } from "./http-server.ts";
import type { Api } from "./http-server.ts";

const TOKEN = "a-token-of-the-test";
let api: Api | null = null;
afterEach(() => api?.close());

function serve(token: string | null): Api {
  api = createHttpServer(pino({ level: "silent" }), token);
  api.get("/api/v1/sweeps", () => ({ secret: true }));
  api.get("/healthz", () => ({ ok: true }));
  return api;
}

describe("a server with a token", () => {
  const status = async (url: string, authorization?: string): Promise<number> =>
    (await serve(TOKEN).inject({ url, headers: authorization === undefined ? {} : { authorization } })).statusCode;

  it("answers whoever has it, and nobody else, however the path is written", async () => {
    expect(await status("/api/v1/sweeps", `Bearer ${TOKEN}`)).toBe(200);
    for (const url of ["/api/v1/sweeps", "/%61pi/v1/sweeps", "/api/%761/sweeps", "/api/v1/sweeps?x=/healthz"]) {
      expect(await status(url), url).toBe(401);
      expect(await status(url, "Bearer wrong"), url).toBe(401);
    }
    expect(await status("/healthz")).toBe(200);
  });

  it("is reached under any name", async () => {
    const headers = { authorization: `Bearer ${TOKEN}`, host: "saphena.example", "sec-fetch-site": "cross-site" };
    expect((await serve(TOKEN).inject({ url: "/api/v1/sweeps", headers })).statusCode).toBe(200);
  });
});

describe("a server with the token that docker-compose.yml shows to everybody", () => {
  const status = async (headers: Record<string, string>): Promise<number> => {
    const authorization = "Bearer loopback-only";
    return (await serve("loopback-only").inject({ url: "/api/v1/sweeps", headers: { authorization, ...headers } })).statusCode;
  };

  it("answers this machine and the other containers, under no name that someone else can point here, and no other site's page", async () => {
    for (const host of ["127.0.0.1:8321", "localhost:8321", "[::1]:8321", "scheduler:8321"]) expect(await status({ host }), host).toBe(200);
    for (const host of ["evil.example", "localhost.evil.example:8321", "127.0.0.1.evil.example", "evil.example."])
      expect(await status({ host }), host).toBe(400);
    expect(await status({ host: "127.0.0.1:8321", "sec-fetch-site": "cross-site" })).toBe(400);
    expect(await status({ host: "127.0.0.1:8321", authorization: "Bearer wrong" })).toBe(401);
  });
});

describe("a server without a token", () => {
  it("answers this machine only, and no page of another site that runs on it", async () => {
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await serve(null).inject({ url: "/api/v1/sweeps", headers })).statusCode;
    expect(await status({ host: "127.0.0.1:8321" })).toBe(200);
    expect(await status({ host: "evil.example" })).toBe(400);
    expect(await status({ host: "127.0.0.1:8321", "sec-fetch-site": "cross-site" })).toBe(400);
  });

  it("may be bound to loopback only", () => {
    for (const host of ["127.0.0.1", "127.8.9.1", "localhost", "LOCALHOST", "::1", "[::1]"]) {
      expect(isLoopbackHost(host)).toBe(true);
      expect(() => assertMayBind(host, null)).not.toThrow();
    }
    for (const host of ["0.0.0.0", "::", "192.168.0.1", "localhost.example", "127.0.0.1.example", ""]) {
      expect(isLoopbackHost(host)).toBe(false);
      expect(() => assertMayBind(host, null)).toThrow("SAPHENA_TOKEN");
      expect(() => assertMayBind(host, TOKEN)).not.toThrow();
    }
  });
});

describe("the environment", () => {
  const schema = z.object({
    SAPHENA_TOKEN: z.string().min(8).optional(),
    SAPHENA_REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
    SAPHENA_PORT: z.coerce.number().int().default(1),
  });

  it("counts an empty variable as unset", () => {
    expect(parseEnvironment(schema, { SAPHENA_PORT: "" })).toEqual({ SAPHENA_PORT: 1 });
  });

  it("is refused with the variable's name, and never with a secret", () => {
    const refusal = (given: NodeJS.ProcessEnv): string => {
      try {
        parseEnvironment(schema, given);
      } catch (error) {
        return (error as Error).message;
      }
      throw new Error("accepted");
    };
    expect(refusal({ SAPHENA_PORT: "x" })).toContain('SAPHENA_PORT: got "x"');
    expect(refusal({ SAPHENA_TOKEN: "short" })).toMatch(/SAPHENA_TOKEN(?!.*"short")/);
    expect(refusal({ SAPHENA_REDIS_URL: "http://user:pass@host" })).toMatch(/SAPHENA_REDIS_URL(?!.*pass)/);
  });
});
