import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SaphenaError } from "@saphena/contracts";
import type { SweepStatus } from "@saphena/contracts";
import { afterEach, describe, expect, it } from "vitest";
import { createClient, defineSweep } from "./index.ts";
import type { SweepEvent } from "./index.ts";
import { sweepHandle } from "./sweep-handle.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, "close").catch(() => undefined);
  }
});

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function serve(answer: Answer, port = 0): Promise<{ url: string; port: number }> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => answer(request, response, body));
  });
  servers.push(server);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const bound = (server.address() as AddressInfo).port;
  return { url: `http://127.0.0.1:${bound}`, port: bound };
}

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const { port } = await serve(() => undefined);
  const server = servers.pop()!;
  server.close();
  await once(server, "close");
  return port;
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const status = (changes: Partial<SweepStatus> = {}): SweepStatus => ({
  id: "swp_000000000000",
  name: "tones",
  state: "running",
  stopping: null,
  reason: null,
  dataset: "tones@1",
  objective: { metric: "dice", goal: "maximize" },
  folds: 3,
  submittedAtMs: 1,
  finishedAtMs: null,
  trials: { budget: 3, created: 3, completed: 0, pruned: 0, failed: 0, cancelled: 0 },
  runs: { total: 9, queued: 8, running: 1, final: 0 },
  etaSeconds: null,
  best: null,
  ...changes,
});

const failureOf = async (promise: Promise<unknown>): Promise<SaphenaError> => {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(SaphenaError);
  return thrown as SaphenaError;
};

const file = defineSweep({ name: "tones", dataset: "tones", budget: { trials: 3 } });

describe("submitting", () => {
  it("makes the id, sends the token, and gives a handle that waits for the final state", async () => {
    const states = [status(), status(), status({ state: "completed", best: { trial: 1, value: 0.8 } })];
    const seen: string[] = [];
    const { url } = await serve((request, response, body) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      if (request.method === "POST")
        reply(response, 201, { id: (JSON.parse(body) as { id: string }).id, created: true, warnings: ["a class is small"] });
      else reply(response, 200, states.length > 1 ? states.shift() : states[0]);
    });
    const sweep = await createClient({ url: `${url}/`, token: "secret" }).submit(file);
    expect(sweep.id).toMatch(/^swp_[0-9a-z]{12}$/);
    expect(sweep.warnings).toEqual(["a class is small"]);
    const changes: string[] = [];
    const final = await sweep.wait({ pollMs: 1, onStatus: ({ state }) => changes.push(state) });
    expect(final.best).toEqual({ trial: 1, value: 0.8 });
    expect(changes).toEqual(["running", "completed"]);
    expect(seen[0]).toBe("POST /api/v1/sweeps Bearer secret");
    expect(seen[1]).toBe(`GET /api/v1/sweeps/${sweep.id} Bearer secret`);
  });

  it("refuses a bad sweep before it asks a server", async () => {
    const client = createClient({ url: "http://127.0.0.1:1", retryMs: 0 });
    const error = await failureOf(client.submit({ ...file, budget: { trials: 0 } }));
    expect(error.code).toBe("SWEEP_FILE_INVALID");
  });

  it("sends the same id again when the first answer was lost", async () => {
    const ids: string[] = [];
    const { url } = await serve((_request, response, body) => {
      const { id } = JSON.parse(body) as { id: string };
      ids.push(id);
      if (ids.length === 1) response.destroy();
      else reply(response, 200, { id, created: false, warnings: [] });
    });
    const sweep = await createClient({ url }).submit(file);
    expect(ids).toEqual([sweep.id, sweep.id]);
  });
});

describe("a server that is not there", () => {
  it("is waited for on loopback until it listens", async () => {
    const port = await closedPort();
    const client = createClient({ url: `http://127.0.0.1:${port}` });
    const asked = client.sweeps();
    await serve((_request, response) => reply(response, 200, []), port);
    expect(await asked).toEqual([]);
  });

  it("is SERVER_UNREACHABLE once the patience is used up", async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const error = await failureOf(createClient({ url, retryMs: 150 }).sweeps());
    expect(error.code).toBe("SERVER_UNREACHABLE");
    expect(error.message).toContain(`${url} (connection refused)`);
    expect(error.hint).toContain("saphena up");
  });

  it("is asked again while it says that it is not ready", async () => {
    let asked = 0;
    const { url } = await serve((_request, response) => {
      asked++;
      if (asked < 3) reply(response, 503, { error: { code: "SERVER_NOT_READY", message: "the server is not ready", hint: "wait" } });
      else reply(response, 200, []);
    });
    expect(await createClient({ url }).pools()).toEqual([]);
    expect(asked).toBe(3);
  });

  it("never gets an action twice that would add trials twice", async () => {
    let asked = 0;
    const { url } = await serve((_request, response) => {
      asked++;
      response.destroy();
    });
    const error = await failureOf(createClient({ url }).action("swp_000000000000", { action: "resume", addTrials: 5 }));
    expect(error.code).toBe("SERVER_UNREACHABLE");
    expect(error.hint).toContain("look before you ask again");
    expect(asked).toBe(1);
  });
});

describe("a proxy without an answer from the server", () => {
  const actions = [{ action: "resume", addTrials: 5 }, { action: "retryFailed" }] as const;

  it.each([502, 503, 504])("with %d gets no action twice that would add trials twice: the server may have acted", async (code) => {
    for (const action of actions) {
      let asked = 0;
      const { url } = await serve((_request, response) => {
        asked++;
        response.writeHead(code, { "content-type": "text/html" }).end("<html>gateway</html>");
      });
      const error = await failureOf(createClient({ url }).action("swp_000000000000", action));
      expect(error).toMatchObject({ code: "SERVER_UNREACHABLE", message: expect.stringContaining(`a proxy answers ${code}`) });
      expect(error.hint).toContain("look before you ask again");
      expect(asked).toBe(1);
    }
  });

  it("is asked again where asking twice does the same as once", async () => {
    let asked = 0;
    const { url } = await serve((_request, response) => {
      asked++;
      if (asked < 3) response.writeHead(504).end("");
      else reply(response, 200, status());
    });
    expect(await createClient({ url }).action("swp_000000000000", { action: "pause" })).toEqual(status());
    expect(asked).toBe(3);
  });

  it("gets the action again once the server itself says that it is not ready", async () => {
    let asked = 0;
    const { url } = await serve((_request, response) => {
      asked++;
      if (asked < 2) reply(response, 503, { error: { code: "SERVER_NOT_READY", message: "the server is not ready", hint: "wait" } });
      else reply(response, 200, status());
    });
    await createClient({ url }).action("swp_000000000000", { action: "resume", addTrials: 5 });
    expect(asked).toBe(2);
  });
});

describe("waiting for the end of a sweep on another machine", () => {
  /** A network that breaks: each entry is one answer, null = none. */
  const over =
    (answers: (SweepStatus | null)[]): typeof globalThis.fetch =>
    async () => {
      const next = answers.length > 1 ? answers.shift() : answers[0];
      if (next === null) throw new TypeError("fetch failed", { cause: new Error("read ECONNRESET") });
      return Response.json(next);
    };
  const wait = (answers: (SweepStatus | null)[], patienceMs: number, told: string[]): Promise<SweepStatus> => {
    const client = createClient({ url: "http://saphena.example", fetch: over(answers) });
    return sweepHandle(client, status().id).wait({
      pollMs: 1,
      patienceMs,
      onOutage: ({ message }) => told.push(message),
      onRecovery: () => told.push("again there"),
    });
  };

  it("goes on over an outage, which is told once", async () => {
    const told: string[] = [];
    expect(await wait([status(), null, null, status({ state: "completed" })], 60_000, told)).toMatchObject({ state: "completed" });
    expect(told).toEqual([expect.stringContaining("read ECONNRESET"), "again there"]);
  });

  it("ends with an error that says nothing of the sweep once the patience is used up", async () => {
    const error = await failureOf(wait([status(), null], 600, []));
    expect(error).toMatchObject({ code: "SERVER_UNREACHABLE", hint: expect.stringContaining("says nothing about the sweep") });
    expect(error.message).toContain("no answer for");
  });

  it("ends at once with what trying again cannot mend", async () => {
    const { url } = await serve((_request, response) =>
      reply(response, 401, { error: { code: "TOKEN_WRONG", message: "the token is missing or wrong", hint: "" } }),
    );
    expect((await failureOf(sweepHandle(createClient({ url }), "swp_x").wait())).code).toBe("TOKEN_WRONG");
  });
});

describe("errors", () => {
  it("keep the server's code, message and hint", async () => {
    const { url } = await serve((_request, response) =>
      reply(response, 404, { error: { code: "SWEEP_NOT_FOUND", message: "there is no such sweep: swp_x", hint: "look again" } }),
    );
    const error = await failureOf(createClient({ url }).sweep("swp_x"));
    expect(error).toMatchObject({ code: "SWEEP_NOT_FOUND", message: "there is no such sweep: swp_x", hint: "look again" });
  });

  it("tell another program on the port from a Saphena server", async () => {
    const { url } = await serve((_request, response) => response.writeHead(404).end("<html>not here</html>"));
    expect((await failureOf(createClient({ url }).sweeps())).message).toContain("is not a Saphena server (HTTP 404)");
    const text = await serve((_request, response) => response.writeHead(200).end("hello"));
    expect((await failureOf(createClient({ url: text.url }).sweeps())).message).toContain("is not a Saphena server");
  });

  it("never repeat the token or a password", async () => {
    expect(() => createClient({ url: "http://127.0.0.1:1", token: "se cret" })).toThrow(/^(?!.*se cret).*SAPHENA_TOKEN/s);
    expect(() => createClient({ url: "http://me:hush@127.0.0.1:1" })).toThrow(/^(?!.*hush).*SAPHENA_URL/s);
    expect(() => createClient({ url: "ftp://here" })).toThrow("not an http:// or https:// address");
  });

  it("say that client and server differ when a reply has another shape", async () => {
    const { url } = await serve((_request, response) => reply(response, 200, { sweeps: [] }));
    expect((await failureOf(createClient({ url }).sweeps())).hint).toContain("different versions");
  });
});

describe("datasets", () => {
  it("asks what is missing in parts and uploads bytes as they are", async () => {
    const sizes: number[] = [];
    let stored = "";
    const { url } = await serve((request, response, body) => {
      if (request.method === "PUT") {
        stored = `${request.url} ${request.headers["content-type"]} ${body}`;
        reply(response, 200, {});
        return;
      }
      const { objects } = JSON.parse(body) as { objects: string[] };
      sizes.push(objects.length);
      reply(response, 200, { missing: [objects[0]] });
    });
    const client = createClient({ url });
    const hashes = Array.from({ length: 50_001 }, (_, index) => index.toString(16).padStart(64, "0"));
    expect(await client.missing("tones", hashes)).toEqual([hashes[0], hashes[50_000]]);
    expect(sizes).toEqual([50_000, 1]);
    await client.putObject("tones", hashes[0]!, new TextEncoder().encode("bytes"));
    expect(stored).toBe(`/api/v1/datasets/tones/objects/${hashes[0]} application/octet-stream bytes`);
  });
});

describe("events", () => {
  it("go on after the connection broke, with the last id", async () => {
    const lastIds: (string | undefined)[] = [];
    const { url } = await serve((request, response) => {
      lastIds.push(request.headers["last-event-id"] as string | undefined);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("retry: 1\n\n: a comment\n\n");
      if (lastIds.length === 1) {
        response.write(`id: 7\nevent: status\ndata: ${JSON.stringify(status())}\n\n`, () => response.destroy());
      } else {
        response.write(
          `event: future\ndata: {}\n\nevent: trials\ndata: {}\n\nevent: points\ndata: {"trial":0,"fold":1,\ndata: "points":{"epoch":1,"values":{"dice":0.5}}}\n\n`,
        );
        response.write(`event: workers\ndata: {}\n\n`);
      }
    });
    const events: SweepEvent[] = [];
    for await (const event of createClient({ url }).events("swp_000000000000")) {
      events.push(event);
      if (events.length === 4) break;
    }
    expect(events.map(({ type }) => type)).toEqual(["status", "trials", "points", "workers"]);
    expect(events[2]).toMatchObject({ points: { trial: 0, fold: 1, points: { epoch: 1, values: { dice: 0.5 } } } });
    expect(lastIds).toEqual([undefined, "7"]);
  });

  it("end when they are aborted, and tell a refusal", async () => {
    const { url } = await serve((request, response) => {
      if (request.url?.includes("none") === true)
        reply(response, 404, { error: { code: "SWEEP_NOT_FOUND", message: "there is no such sweep", hint: "" } });
      else response.writeHead(200, { "content-type": "text/event-stream" }).write("event: trials\ndata: {}\n\n");
    });
    const client = createClient({ url });
    const stop = new AbortController();
    const events: SweepEvent[] = [];
    for await (const event of client.events("swp_000000000000", stop.signal)) {
      events.push(event);
      stop.abort();
    }
    expect(events).toEqual([{ type: "trials" }]);
    const refused = client.events("none");
    expect((await failureOf(refused.next())).code).toBe("SWEEP_NOT_FOUND");
  });
});
