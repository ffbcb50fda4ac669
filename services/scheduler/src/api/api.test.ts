// The front door on a real Redis and a real folder.
import { createServer, request as httpRequest } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { API, SaphenaError } from "@saphena/contracts";
import type { SweepStatus } from "@saphena/contracts";
import { createClient } from "@saphena/client";
import { datasetRecord } from "@saphena/dataset";
import { freePort, temporaryFolder, until } from "@saphena/testing";
import { checkLeaks, useRedis } from "@saphena/testing/vitest";
import { newId, startUnderTest } from "../scheduler.case.ts";
import type { UnderTest } from "../scheduler.case.ts";
import { schedulerOptions, startScheduler } from "../index.ts";
import type { SchedulerOptions } from "../index.ts";

checkLeaks();
const redis = useRedis();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(test: string, changes: Partial<SchedulerOptions> = {}): Promise<UnderTest> {
  const under = await startUnderTest(redis().url, test, changes);
  closing.push(() => under.close());
  return under;
}

const spec = (changes: object = {}) => ({ name: "t", dataset: "d", budget: { trials: 1 }, cv: { folds: 2 }, ...changes });
const errorOf = (reply: { status: number; body: unknown }) => ({
  status: reply.status,
  ...(reply.body as { error: { code: string; message: string; hint: string } }).error,
});

/** With headers that fetch would not send. */
async function raw(url: string, path: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  const sent = httpRequest(`${url}${path}`, { headers }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += chunk as string;
  return { status: response.statusCode!, body };
}

describe("errors", () => {
  it("have one shape, with a code and a hint", async () => {
    const { call, scheduler } = await start("errors");
    expect(errorOf(await call("GET", "/api/v1/nothing"))).toMatchObject({
      status: 404,
      code: "ROUTE_NOT_FOUND",
      hint: expect.any(String) as string,
    });
    expect(errorOf(await call("GET", `${API}/sweeps/swp_000000000000`))).toMatchObject({ status: 404, code: "SWEEP_NOT_FOUND" });
    expect(errorOf(await call("GET", `${API}/runs/swp_000000000000-0-0`))).toMatchObject({ status: 404, code: "RUN_NOT_FOUND" });
    expect(errorOf(await call("POST", `${API}/sweeps`, { id: "mine", spec: {} }))).toMatchObject({
      status: 400,
      code: "REQUEST_INVALID",
      message: expect.stringContaining("id:") as string,
    });
    const broken = await fetch(`${scheduler.url}${API}/sweeps`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{",
    });
    expect(errorOf({ status: broken.status, body: await broken.json() })).toMatchObject({ status: 400, code: "REQUEST_INVALID" });
    const plain = await fetch(`${scheduler.url}${API}/sweeps`, { method: "POST", headers: { "content-type": "text/plain" }, body: "{}" });
    expect(errorOf({ status: plain.status, body: await plain.json() })).toMatchObject({ status: 400, code: "REQUEST_INVALID" });
  });

  it("refuse a sweep with nothing written for a second try to trip over", async () => {
    const under = await start("refused sweeps");
    await under.publishDataset("d", { masks: false });
    const id = newId();
    const submit = async (changes: object) => errorOf(await under.call("POST", `${API}/sweeps`, { id, spec: spec(changes) }));
    expect(await submit({ budget: { trials: 0 } })).toMatchObject({
      status: 400,
      code: "SWEEP_FILE_INVALID",
      message: expect.stringContaining("budget.trials") as string,
    });
    expect(await submit({ buget: {} })).toMatchObject({
      code: "SWEEP_FILE_INVALID",
      message: expect.stringContaining("did you mean budget?") as string,
    });
    expect(await submit({ dataset: "nowhere" })).toMatchObject({ status: 404, code: "DATASET_NOT_FOUND" });
    expect(await submit({ dataset: "d@7" })).toMatchObject({
      status: 404,
      message: expect.stringContaining("d has the versions 1") as string,
    });
    expect(await submit({})).toMatchObject({
      status: 400,
      code: "SWEEP_OBJECTIVE_IMPOSSIBLE",
      message: expect.stringContaining("no masks") as string,
    });
    expect(await submit({ objective: { metric: "accuracy" }, cv: { folds: 60 } })).toMatchObject({ status: 400, code: "SPLIT_IMPOSSIBLE" });
    expect(await submit({ objective: { metric: "accuracy" }, train: { loss: { classWeights: [1, 2, 3, 4, 5] } } })).toMatchObject({
      status: 400,
      code: "SWEEP_FILE_INVALID",
      message: expect.stringContaining("5 weights were given, and the dataset has") as string,
    });
    const keys: string[] = [];
    for await (const { key } of under.store.list("sweeps/")) keys.push(key);
    expect(keys).toEqual([]);
    const good = await under.submit({ objective: { metric: "accuracy" } }, id);
    expect(good).toMatchObject({ created: true, warnings: ["d has no masks: only the classification head is trained"] });
  });
});

describe("what there is to read", () => {
  it("is the sweep's status, file and splits, the list of sweeps, pools and workers, and the API's description", async () => {
    const under = await start("reading");
    await under.publishDataset("d");
    const client = createClient({ url: under.scheduler.url });
    await under.startWorker(() => ({ dice: 0.75 }), { slots: 3, worker: "w1" });
    const { id } = await under.submit({ budget: { trials: 1 } });
    const { id: second } = await under.submit({ name: "second", budget: { trials: 1 } });
    await under.finalStatus(id);
    expect((await client.sweeps()).map((sweep) => sweep.id)).toEqual([second, id]);
    expect(await client.sweep(id)).toMatchObject({
      name: "t",
      dataset: expect.stringMatching(/^d@[0-9a-f]{12}$/) as string,
      best: { trial: 0, value: 0.75 },
    });
    expect(await client.spec(id)).toMatchObject({ name: "t", cv: { folds: 2, seed: 12345 } });
    const splits = (await under.call("GET", `${API}/sweeps/${id}/splits`)).body as { folds: { train: string[]; validation: string[] }[] };
    expect(splits.folds.map(({ train, validation }) => [train.length, validation.length])).toEqual([
      [20, 20],
      [20, 20],
    ]);
    expect(await client.run(`${id}-0-1`)).toMatchObject({ state: "completed", fold: 1, attempt: 1 });
    expect(await client.pools()).toMatchObject([{ pool: "default", slots: 3, workers: 1 }]);
    expect(await client.workers()).toMatchObject([{ id: "w1", slots: 3 }]);
    expect(await client.ready()).toBe(true);
    const openapi = (await under.call("GET", `${API}/openapi.json`)).body as { openapi: string; paths: object };
    expect(openapi.openapi).toBe("3.1.0");
    expect(Object.keys(openapi.paths)).toEqual(
      expect.arrayContaining([`${API}/sweeps`, `${API}/sweeps/{sweep}/actions`, `${API}/datasets/{name}/objects/{sha256}`]),
    );
  });
});

describe("live events", () => {
  it("tell status, points and changes of one sweep until the client leaves", async () => {
    const under = await start("live");
    await under.publishDataset("d");
    const client = createClient({ url: under.scheduler.url });
    const { id } = await under.submit({ budget: { trials: 3 }, resources: { concurrency: 1 } });
    const seen = { points: 0, trials: 0, workers: 0, states: [] as SweepStatus["state"][] };
    const leave = new AbortController();
    let worker: unknown;
    for await (const event of client.events(id, leave.signal)) {
      if (event.type === "status") seen.states.push(event.status.state);
      else seen[event.type] += 1;
      worker ??= await under.startWorker(() => ({ dice: 0.5 }));
      if (event.type === "status" && event.status.state === "completed") leave.abort();
    }
    expect(seen.states.at(-1)).toBe("completed");
    expect(seen.points).toBe(6);
    expect(seen.trials).toBeGreaterThan(0);
    expect(seen.workers).toBeGreaterThan(0);
    expect((await under.call("GET", `${API}/sweeps/swp_000000000000/events`)).status).toBe(404);
  });

  it("do not hold up a server that closes", async () => {
    const under = await start("closing live");
    await under.publishDataset("d");
    const { id } = await under.submit({});
    const response = await fetch(`${under.scheduler.url}${API}/sweeps/${id}/events`);
    await under.scheduler.close();
    expect(await response.text()).toContain("event: status");
  });
});

describe("datasets", () => {
  const file = (text: string) => ({
    sha256: createHash("sha256").update(text).digest("hex"),
    sizeBytes: Buffer.byteLength(text),
    width: 4,
    height: 4,
    format: "png" as const,
  });
  const rows = ["one", "two"].map((text, i) => ({
    id: text,
    image: file(text),
    mask: null,
    label: ["a", "b"][i]!,
    group: text,
    source: null,
    weight: 1,
  }));
  const record = datasetRecord("small", rows, { labels: ["a", "b"], merge: {}, maskClasses: null });

  it("are sent object by object, published once, and found by name, version and hash", async () => {
    const under = await start("datasets");
    const client = createClient({ url: under.scheduler.url });
    expect(
      await client.missing(
        "small",
        rows.map((row) => row.image.sha256),
      ),
    ).toHaveLength(2);
    await expect(client.publish("small", { record, rows })).rejects.toMatchObject({ code: "OBJECT_NOT_FOUND" });
    for (const text of ["one", "two"]) await client.putObject("small", file(text).sha256, Buffer.from(text));
    await client.putObject("small", file("one").sha256, Buffer.from("one"));
    expect(await client.missing("small", [...rows.map((row) => row.image.sha256), "f".repeat(64)])).toEqual(["f".repeat(64)]);
    expect(await client.publish("small", { record, rows })).toEqual({ name: "small", hash: record.hash, version: 1, created: true });
    expect(await client.publish("small", { record, rows })).toMatchObject({ version: 1, created: false });
    const relabelled = rows.map((row) => ({ ...row, label: "a" }));
    const second = datasetRecord("small", relabelled, { labels: ["a"], merge: {}, maskClasses: null });
    expect(await client.publish("small", { record: second, rows: relabelled })).toMatchObject({ version: 2, created: true });
    expect(await client.datasets()).toMatchObject([
      { name: "small", versions: [{ version: 1 }, { version: 2 }], latest: { labels: ["a"] } },
    ]);
    expect((await client.dataset("small")).version.version).toBe(2);
    expect((await client.dataset("small@1")).rows).toEqual(rows);
    expect((await client.dataset(`small@${record.hash.slice(0, 10)}`)).version.version).toBe(1);
    expect(Buffer.from(await client.object("small", file("one").sha256)).toString()).toBe("one");
  });

  it("are refused when content and hash, or rows and record, do not match", async () => {
    const under = await start("bad datasets");
    const client = createClient({ url: under.scheduler.url });
    await expect(client.putObject("small", file("one").sha256, Buffer.from("forged"))).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    expect(await under.store.head(`datasets/small/objects/${file("one").sha256}`)).toBeNull();
    for (const text of ["one", "two"]) await client.putObject("small", file(text).sha256, Buffer.from(text));
    await expect(client.publish("small", { record: { ...record, hash: "0".repeat(64) }, rows })).rejects.toMatchObject({
      code: "REQUEST_INVALID",
    });
    await expect(client.publish("small", { record: { ...record, images: 3 }, rows })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    await expect(client.publish("other", { record, rows })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
    await expect(client.dataset("../up")).rejects.toMatchObject({ code: "DATASET_NAME_INVALID" });
    await expect(client.dataset("small")).rejects.toMatchObject({ code: "DATASET_NOT_FOUND" });
  });
});

describe("results", () => {
  async function aggregator(): Promise<{ url: string; seen: (string | undefined)[]; server: Server }> {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers["x-saphena-after"] as string | undefined);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ path: request.url }));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(async () => void server.close());
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server };
  }

  it("come from the aggregator, asked for what is newer than all outcomes so far", async () => {
    const { url, seen } = await aggregator();
    const under = await start("results", { aggregatorUrl: url });
    await under.publishDataset("d");
    const { id } = await under.submit({});
    const last = (await under.state.lastIds()).outcomes;
    const reply = await under.call("GET", `${API}/results/sweeps/${id}/curves?name=dice`);
    expect(reply).toEqual({ status: 200, body: { path: `${API}/results/sweeps/${id}/curves?name=dice` } });
    expect(seen[0]! >= last).toBe(true);
  });

  it("are not ready while the aggregator is away", async () => {
    const under = await start("no results", { aggregatorUrl: `http://127.0.0.1:${await freePort()}` });
    expect(errorOf(await under.call("GET", `${API}/results/sweeps/x/trials`))).toMatchObject({ status: 503, code: "SERVER_NOT_READY" });
  });
});

describe("who may ask", () => {
  it("is whoever has the token, but health needs none", async () => {
    const under = await start("token", { token: "a-long-secret" });
    const { url } = under.scheduler;
    const status = async (path: string, authorization?: string) =>
      (await fetch(`${url}${path}`, authorization === undefined ? {} : { headers: { authorization } })).status;
    expect(await status("/healthz")).toBe(200);
    expect(await status("/readyz")).toBe(200);
    expect(await status(`${API}/sweeps`)).toBe(401);
    expect(await status(`${API}/sweeps`, "Bearer a-wrong-secret")).toBe(401);
    expect(await status(`${API}/sweeps`, "Bearer a-long-secret")).toBe(200);
    expect(await status(`${API}/results/sweeps/x/trials`)).toBe(401);
    expect((await raw(url, `${API}/sweeps`, { host: "elsewhere.example", authorization: "Bearer a-long-secret" })).status).toBe(200);
  });

  it("without a token is this machine, and no other web site in its browser", async () => {
    const under = await start("loopback");
    const { url } = under.scheduler;
    const port = new URL(url).port;
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
      expect((await raw(url, `${API}/sweeps`, { host })).status).toBe(200);
    expect(await raw(url, `${API}/sweeps`, { host: "rebound.example" })).toMatchObject({
      status: 400,
      body: expect.stringContaining("rebound.example") as string,
    });
    expect((await raw(url, `${API}/sweeps`, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" })).status).toBe(400);
    expect((await raw(url, `${API}/sweeps`, { "sec-fetch-site": "same-origin" })).status).toBe(200);
  });
});

describe("the dashboard", () => {
  it("is served at the front door, its pages all by one file; the API stays the API", async () => {
    const folder = await temporaryFolder("dashboard");
    await mkdir(join(folder, "assets"));
    await writeFile(join(folder, "index.html"), "<title>Saphena</title>");
    await writeFile(join(folder, "assets", "page-1.js"), "1");
    const { scheduler } = await start("dashboard", { dashboardFolder: folder });
    const get = async (path: string) => {
      const response = await fetch(`${scheduler.url}${path}`);
      return {
        status: response.status,
        text: await response.text(),
        policy: response.headers.get("content-security-policy"),
        cache: response.headers.get("cache-control"),
      };
    };
    expect(await get("/")).toMatchObject({
      status: 200,
      text: "<title>Saphena</title>",
      policy: expect.stringContaining("default-src 'self'") as string,
      cache: "no-cache",
    });
    expect(await get("/sweeps/swp_000000000000")).toMatchObject({ status: 200, text: "<title>Saphena</title>" });
    expect(await get("/assets/page-1.js")).toMatchObject({ status: 200, text: "1", cache: expect.stringContaining("immutable") as string });
    expect((await get("/assets/page-2.js")).status).toBe(404);
    expect((await get(`${API}/nothing`)).text).toContain("ROUTE_NOT_FOUND");
    expect((await get("/../package.json")).text).not.toContain("dependencies");
  });

  it("is missed with a hint when it is not built", async () => {
    const { call } = await start("no dashboard");
    expect(errorOf(await call("GET", "/"))).toMatchObject({ status: 404, hint: expect.stringContaining("npm run build") as string });
  });
});

describe("starting", () => {
  it("fails with what is wrong, and leaves nothing behind", async () => {
    const folder = await temporaryFolder("store");
    const options = (changes: Record<string, string>) =>
      schedulerOptions({
        SAPHENA_REDIS_URL: redis().url,
        SAPHENA_STORE: `file://${folder}`,
        SAPHENA_NAMESPACE: "starting",
        SAPHENA_PORT: "0",
        SAPHENA_LOG_LEVEL: "silent",
        ...changes,
      });
    const codeOf = async (changes: Record<string, string>): Promise<string> =>
      startScheduler(options(changes)).then(
        () => "started",
        (error: unknown) => SaphenaError.from(error).code,
      );
    expect(await codeOf({ SAPHENA_REDIS_URL: `redis://127.0.0.1:${await freePort()}` })).toBe("REDIS_UNREACHABLE");
    expect(await codeOf({ SAPHENA_STORE: "folder" })).toBe("STORE_URL_INVALID");
    expect(await codeOf({ SAPHENA_HOST: "0.0.0.0" })).toBe("TOKEN_REQUIRED");
    const running = await startScheduler(options({}));
    closing.push(() => running.close());
    expect(await codeOf({ SAPHENA_PORT: new URL(running.url).port })).toBe("PORT_IN_USE");
    expect(await readdir(folder)).not.toContain("sweeps");
    expect(() => schedulerOptions({ SAPHENA_STORE: "file:///s", SAPHENA_PORT: "many" })).toThrow(/SAPHENA_PORT/);
    expect(() => schedulerOptions({ SAPHENA_STORE: "file:///s", SAPHENA_TOKEN: "short" })).toThrow(expect.not.stringContaining("short"));
  });

  it("tells that it is not ready while Redis is away, and is again afterwards", async () => {
    const under = await start("readiness");
    await redis().stop();
    expect(errorOf(await under.call("GET", "/readyz"))).toMatchObject({ status: 503, code: "REDIS_UNREACHABLE" });
    expect((await under.call("GET", "/healthz")).status).toBe(200);
    await redis().restart();
    await until(async () => (await under.call("GET", "/readyz")).status === 200, { what: "readiness" });
  });

  it("can be undone while Redis is away", async () => {
    const under = await startUnderTest(redis().url, "closing in an outage");
    await redis().stop();
    await under.scheduler.close();
    await expect(fetch(`${under.scheduler.url}/healthz`)).rejects.toThrow("fetch failed");
    await redis().restart();
    await under.close();
  });
});
