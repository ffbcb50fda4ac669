// docker-compose.yml without Docker: its parts are started by the very commands, environment and health checks of their containers;
// only what Docker's network and volumes would give (host names, ports, folders) is put in their place.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "@saphena/client";
import { cacheFolder, ensureVersitygw } from "@saphena/setup";
import { freePort, NO_S3_REASON, startChild, startRedis, temporaryFolder, until } from "@saphena/testing";
import type { KitChild, TestRedis } from "@saphena/testing";
import { readComposeFile, readDockerfile } from "../system/compose.ts";
import { importTiny, TINY_SWEEP } from "../system/leaderboard.ts";
import { REPOSITORY } from "../system/repository.ts";

/** The answer to somebody who has the token and asks under another name; fetch does not let a name be chosen. */
async function statusUnder(host: string, url: string, token: string): Promise<number | undefined> {
  const asked = get(`${url}/api/v1/sweeps`, { headers: { host, authorization: `Bearer ${token}` } });
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

const DOCKERFILE = "infra/docker/Dockerfile";
const { services, volumes } = readComposeFile();
const stages = readDockerfile(DOCKERFILE);
const OURS = ["aggregator", "scheduler", "worker"] as const;
type Ours = (typeof OURS)[number];

describe("docker-compose.yml", () => {
  const names = Object.keys(services);
  const dependencies = names.flatMap((name) =>
    Object.entries(services[name]!.depends_on ?? {}).map(([on, { condition }]) => ({ name, on, condition })),
  );
  const runsOnce = (name: string): boolean =>
    dependencies.some(({ on, condition }) => on === name && condition === "service_completed_successfully");

  it("has a health check for every service that goes on running", () => {
    expect(names.sort()).toEqual([...OURS, "bucket", "s3", "valkey", "worker-gpu"].sort());
    expect(names.filter((name) => services[name]!.healthcheck === undefined)).toEqual(names.filter(runsOnce));
  });

  it("waits only for services that exist and can become what is waited for", () => {
    expect(dependencies.length).toBeGreaterThan(5);
    expect(dependencies.filter(({ on }) => services[on] === undefined)).toEqual([]);
    const waitsForHealth = dependencies.filter(({ condition }) => condition === "service_healthy");
    expect(waitsForHealth.filter(({ on }) => services[on]!.healthcheck === undefined)).toEqual([]);
  });

  it("pins every image it does not build, and so does the Dockerfile", () => {
    const images = names.flatMap((name) => services[name]!.image ?? []);
    const bases = stages.map(({ from }) => from).filter((from) => !stages.some(({ name }) => name === from));
    expect(images.length + bases.length).toBeGreaterThan(3);
    for (const image of [...images, ...bases]) expect(image).toMatch(/^[\w./-]+:v?\d+[\w.-]*$/);
  });

  it("builds targets that exist and starts them by the command of their image", () => {
    for (const name of OURS) {
      const { build, command } = services[name]!;
      expect(build).toEqual({ context: ".", dockerfile: DOCKERFILE, target: name });
      expect(stages.find((stage) => stage.name === build!.target)?.command).toEqual(command);
    }
  });

  it("has a profile whose worker differs by its engine, the GPUs reserved for it and its slots alone", () => {
    const { profiles, deploy, build, environment, ...gpuWorker } = services["worker-gpu"]!;
    const { build: cpuBuild, environment: cpuEnvironment, ...cpuWorker } = services["worker"]!;
    expect(names.filter((name) => services[name]!.profiles !== undefined)).toEqual(["worker-gpu"]);
    expect(profiles).toEqual(["gpu"]);
    expect(gpuWorker).toEqual(cpuWorker);
    expect(build).toEqual({ ...cpuBuild, args: { ENGINE_VARIANT: "cuda" } });
    expect(stages.find(({ name }) => name === "engine")?.arguments).toEqual({ ENGINE_VARIANT: "cpu" });
    expect(deploy?.resources.reservations.devices).toEqual([{ driver: "nvidia", count: "all", capabilities: ["gpu"] }]);
    const { SAPHENA_SLOTS: _, ...shared } = cpuEnvironment!;
    expect(environment).toEqual({ ...shared, SAPHENA_SLOTS_PER_DEVICE: "1", NVIDIA_DRIVER_CAPABILITIES: "compute,utility" });
    const changed = readComposeFile({ GPU_POOL: "gpu", SAPHENA_SLOTS_PER_DEVICE: "3" }).services["worker-gpu"]!;
    expect(changed.environment).toMatchObject({ SAPHENA_POOL: "gpu", SAPHENA_SLOTS_PER_DEVICE: "3" });
  });

  it("publishes on loopback only, and declares its volumes", () => {
    for (const port of names.flatMap((name) => services[name]!.ports ?? [])) expect(port).toMatch(/^127\.0\.0\.1:/);
    const used = names.flatMap((name) => services[name]!.volumes ?? []).map((volume) => volume.split(":")[0]!);
    expect([...new Set(used)].sort()).toEqual(Object.keys(volumes).sort());
  });

  it("takes another token and other keys from the shell", () => {
    const changed = readComposeFile({ SAPHENA_TOKEN: "another-token", S3_SECRET_KEY: "another-key", SAPHENA_SLOTS: "4" }).services;
    for (const name of OURS)
      expect(changed[name]!.environment).toMatchObject({ SAPHENA_TOKEN: "another-token", AWS_SECRET_ACCESS_KEY: "another-key" });
    expect(changed["s3"]!.environment).toMatchObject({ ROOT_SECRET_KEY: "another-key" });
    expect(changed["worker"]!.environment).toMatchObject({ SAPHENA_SLOTS: "4" });
  });
});

const versitygw = await ensureVersitygw();

describe.skipIf(versitygw === null)(`the services of docker-compose.yml${versitygw === null ? ` (${NO_S3_REASON})` : ""}`, () => {
  let folder: string;
  let redis: TestRedis;
  let s3: KitChild;
  /** Text in the file → what stands for it outside Docker. */
  let places: [RegExp, string][];
  const running = new Map<Ours, KitChild>();

  const placed = (text: string): string => places.reduce((changed, [from, to]) => changed.replaceAll(from, to), text);

  /** What a container gets: its image's environment and its own, nothing of the host's but where programs and the engine are. */
  function environmentOf(name: string): NodeJS.ProcessEnv {
    const { environment = {}, build } = services[name]!;
    const image = stages.find((stage) => stage.name === build?.target)?.environment ?? {};
    const given = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, placed(value)]));
    const { HOME, TMPDIR, PATH } = process.env;
    const host = { PATH: `${dirname(process.execPath)}:${PATH ?? ""}`, ...(HOME && { HOME }), ...(TMPDIR && { TMPDIR }) };
    return { ...host, ...image, ...given, ...(image["SAPHENA_CACHE"] === undefined ? {} : { SAPHENA_CACHE: cacheFolder() }) };
  }

  async function start(name: Ours): Promise<KitChild> {
    const [program, ...args] = services[name]!.command.map(placed);
    const child = await startChild(name, program!, args, { cwd: REPOSITORY, env: environmentOf(name) });
    running.set(name, child);
    return child;
  }

  async function isHealthy(name: string): Promise<boolean> {
    const [kind, program, ...args] = services[name]!.healthcheck!.test.map(placed);
    if (kind !== "CMD" || program === undefined) throw new Error(`the health check of ${name} is no CMD`);
    return promisify(execFile)(program, args, { cwd: REPOSITORY, env: environmentOf(name) }).then(
      () => true,
      () => false,
    );
  }

  async function startHealthy(name: Ours): Promise<void> {
    const child = await start(name);
    await until(async () => child.ended || (await isHealthy(name)), { timeoutMs: 60_000, what: `the health of ${name}` });
    if (child.ended) throw new Error(`${name} ended:\n${child.output()}`);
  }

  beforeAll(async () => {
    folder = await temporaryFolder("compose");
    mkdirSync(join(folder, "state"));
    mkdirSync(join(folder, "metadata"));
    redis = await startRedis();
    const [s3Port, aggregatorPort, schedulerPort] = [await freePort(), await freePort(), await freePort()];
    places = [
      [/\bvalkey:6379\b/g, `127.0.0.1:${redis.port}`],
      [/\bs3:7070\b/g, `127.0.0.1:${s3Port}`],
      [/^:7070$/g, `127.0.0.1:${s3Port}`],
      [/\b(127\.0\.0\.1):7070\b/g, `$1:${s3Port}`],
      [/\baggregator:8322\b/g, `127.0.0.1:${aggregatorPort}`],
      [/\bscheduler:8321\b/g, `127.0.0.1:${schedulerPort}`],
      [/^8322$/g, String(aggregatorPort)],
      [/^8321$/g, String(schedulerPort)],
      [/^\/(data|metadata|state)(?=\/|$)/g, `${folder}/$1`],
    ];
    const [mkdir, ...bucket] = services["bucket"]!.command.map(placed);
    await promisify(execFile)(mkdir!, bucket);
    s3 = await startChild("versitygw", versitygw!, services["s3"]!.command.map(placed), { cwd: folder, env: environmentOf("s3") });
    // The container's check is wget on this address; not every machine that runs this test has wget.
    const health = services["s3"]!.healthcheck!.test.map(placed).at(-1)!;
    await until(async () => (await fetch(health)).ok, { what: "the health of s3" });
  });

  afterAll(async () => {
    for (const name of OURS.toReversed()) await running.get(name)?.end("SIGTERM", 30_000);
    await s3?.end("SIGTERM");
    await redis?.stop();
  });

  it("become healthy in the order they wait for one another, and not before they run", async () => {
    expect(await isHealthy("worker")).toBe(false);
    expect(await isHealthy("scheduler")).toBe(false);
    for (const name of OURS) await startHealthy(name);
  });

  it("complete a sweep for who has the token, with everything in the bucket", async () => {
    const url = environmentOf("worker")["SAPHENA_URL"]!;
    const token = environmentOf("scheduler")["SAPHENA_TOKEN"]!;
    await expect(createClient({ url }).sweeps()).rejects.toMatchObject({ code: "TOKEN_WRONG" });
    // Everybody knows the default token: a web page must not reach the port under a name that it made point here.
    expect(await statusUnder("evil.example", url, token)).toBe(400);

    await importTiny({ ...process.env, SAPHENA_URL: url, SAPHENA_TOKEN: token });
    const client = createClient({ url, token });
    const sweep = await client.submit({ ...TINY_SWEEP, train: { ...TINY_SWEEP.train, epochs: 1 }, budget: { trials: 1 } });
    expect(await sweep.wait({ pollMs: 200 })).toMatchObject({ state: "completed" });
    expect((await sweep.trials()).map(({ folds }) => folds.map(({ state }) => state))).toEqual([["completed", "completed", "completed"]]);
    expect(readdirSync(join(folder, "data/saphena/store/sweeps"))).toEqual([sweep.id]);
    expect(existsSync(join(folder, "state/index.duckdb"))).toBe(true);
  });

  it("end by themselves when they are told to, as `docker compose down` does", async () => {
    for (const name of OURS.toReversed()) {
      const child = running.get(name)!;
      child.end("SIGTERM", 60_000).catch(() => undefined);
      await until(() => child.ended, { timeoutMs: 20_000, what: `the end of ${name}` });
    }
  });
});
