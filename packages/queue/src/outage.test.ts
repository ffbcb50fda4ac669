// Redis away: at the start it is one clear error, later it only makes everybody wait.
import { freePort, startRedis, until } from "@saphena/testing";
import { expect, onTestFinished, test } from "vitest";
import { connectLiveState } from "./index.ts";
import { checkServer } from "./server-check.ts";
import { allOutcomes, openSite, resultOf, sweepRecord } from "./sweep.case.ts";

test("a server that is not there is REDIS_UNREACHABLE with its address and without the password", async () => {
  const port = await freePort();
  const attempt = connectLiveState({ redisUrl: `redis://:secret@127.0.0.1:${port}`, namespace: "n", connectTimeoutMs: 300 });
  await expect(attempt).rejects.toMatchObject({ code: "REDIS_UNREACHABLE", message: expect.stringContaining(`127.0.0.1:${port}`) });
  await expect(attempt).rejects.not.toThrow("secret");
  await expect(connectLiveState({ redisUrl: "localhost", namespace: "n" })).rejects.toMatchObject({ code: "REDIS_UNREACHABLE" });
});

test("a server that is still starting is waited for", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  await redis.stop();
  const attempt = connectLiveState({ redisUrl: redis.url, namespace: "n", connectTimeoutMs: 20_000 });
  await redis.restart();
  const state = await attempt;
  expect(await state.nowMs()).toBeGreaterThan(0);
  await state.close();
});

test("a password that is refused is said at once", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const { connection } = await openSite(redis);
  await connection.client.config("SET", "requirepass", "right");
  const attempt = connectLiveState({
    redisUrl: redis.url.replace("redis://", "redis://:wrong@"),
    namespace: "n",
    connectTimeoutMs: 30_000,
  });
  await expect(attempt).rejects.toMatchObject({ code: "REDIS_UNREACHABLE", message: expect.stringContaining("WRONGPASS") });
  await expect(connectLiveState({ redisUrl: redis.url, namespace: "n", connectTimeoutMs: 30_000 })).rejects.toMatchObject({
    code: "REDIS_UNREACHABLE",
  });
});

test("a server that may evict keys is refused, one without an append-only file is warned about", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const { connection } = await openSite(redis);
  await connection.client.config("SET", "appendonly", "no");
  const warnings: string[] = [];
  await (await connectLiveState({ redisUrl: redis.url, namespace: "n", onWarning: (message) => warnings.push(message) })).close();
  expect(warnings).toEqual([expect.stringContaining("append-only")]);
  await connection.client.config("SET", "maxmemory-policy", "allkeys-lru");
  await expect(connectLiveState({ redisUrl: redis.url, namespace: "n" })).rejects.toMatchObject({ code: "REDIS_UNSUITABLE" });
});

test("versions before 6.2 and cluster nodes are refused", () => {
  const info = (version: string, more = ""): string =>
    `# Server\r\nredis_version:${version}\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n${more}`;
  expect(checkServer(info("6.0.16"))).toMatchObject({ suitable: false, why: expect.stringContaining("6.0.16") });
  expect(checkServer(info("6.2.0"))).toEqual({ suitable: true, warnings: [] });
  expect(checkServer(info("10.0.0"))).toMatchObject({ suitable: true });
  expect(checkServer(info("7.2.4", "cluster_enabled:1\r\n"))).toMatchObject({ suitable: false });
  expect(checkServer("nothing")).toMatchObject({ suitable: false });
});

test("a crash of Redis in the middle of work fails nothing: commands wait, delivery and subscriptions go on, and every run ends once", async () => {
  const redis = await startRedis({ appendfsync: "always" });
  onTestFinished(() => redis.stop());
  const site = await openSite(redis, { leaseMs: 1_000 });
  const { state, leader, worker } = site;
  const trials = 60;
  const sweep = sweepRecord({ trials, concurrency: 100 });
  await state.submitSweep(sweep);
  let wakes = 0;
  await state.onWake(() => (wakes += 1));
  await leader.createTrials(
    sweep.id,
    0,
    Array.from({ length: trials }, () => ({ parameters: {}, retryOf: null })),
  );
  const refused: string[] = [];
  const delivery = await worker.consume(async (run, attempt) => {
    const claim = await worker.claim(run, attempt);
    if (claim.reply !== "claimed") return void refused.push(claim.reply);
    for (let epoch = 1; epoch <= 3; epoch += 1) await worker.reportPoints(run, attempt, { epoch, values: { loss: epoch } });
    const replies = [await worker.beginCommit(run, attempt), await worker.finish(resultOf(run, attempt))];
    if (replies.join() !== "ok,finished") refused.push(replies.join());
  });
  const runs = await leader.backlog(sweep.id, trials);
  const dispatching = leader.dispatch(runs.map((run) => ({ run, pool: "default" })));
  await until(async () => ((await state.sweep(sweep.id))?.runsFinal ?? 0) > 5, { what: "some runs" });
  await redis.kill();
  const during = [
    state.nowMs(),
    leader.tryLead(),
    worker.heartbeat([]),
    state.readStreams({ outcomes: "0-0", points: "0-0" }, { count: 1, blockMs: 50 }),
  ];
  await expect(state.ping()).rejects.toMatchObject({ code: "REDIS_UNREACHABLE" });
  await redis.restart();
  await Promise.all([...during, dispatching]);
  // As the leader does all the time: BullMQ may have handed out a job whose delivery was cut off.
  const carryOn = async (): Promise<boolean> => {
    await leader.redeliver();
    await leader.cleanUpJobs();
    await leader.dispatch((await leader.backlog(sweep.id, trials)).map((run) => ({ run, pool: "default" })));
    return (await state.sweep(sweep.id))?.runsFinal === trials;
  };
  await until(carryOn, { what: "every run", timeoutMs: 30_000 });
  const wakesBefore = wakes;
  await worker.endAttempt(runs[0]!, { attempt: 1, reason: "crashed", code: "INTERNAL", message: "", worker: null });
  await state.moveSweep(sweep.id, "pause");
  await until(() => wakes > wakesBefore, { what: "a wake after the outage" });
  await delivery.close();
  expect(refused.filter((reply) => reply !== "stale-attempt")).toEqual([]);
  expect(await state.sweep(sweep.id)).toMatchObject({ runsFinal: trials, runsInFlight: 0, runsRunning: 0 });
  const outcomes = await allOutcomes(state);
  expect(outcomes.filter(({ type }) => type === "runFinished")).toHaveLength(trials);
  expect((await state.readStreams({ outcomes: "0-0", points: "0-0" }, { count: 10_000, blockMs: 0 })).points).toHaveLength(3 * trials);
  expect(site.errors.some((error) => error.message.includes("127.0.0.1"))).toBe(true);
});

test("a worker without work can stop while Redis is away, and nothing is left waiting", async () => {
  const redis = await startRedis();
  const { state, worker, errors } = await openSite(redis);
  const delivery = await worker.consume(() => Promise.resolve());
  const read = state.readStreams({ outcomes: "0-0", points: "0-0" }, { count: 1, blockMs: 60_000 });
  await redis.kill();
  await until(() => errors.length > 0, { what: "the outage to be noticed" });
  const asked = state.nowMs().catch((error: unknown) => error);
  await delivery.pause();
  await delivery.close();
  await state.close();
  expect(await read).toEqual({ outcomes: [], points: [] });
  expect(await asked).toMatchObject({ code: "REDIS_UNREACHABLE" });
  expect(errors[0]).toMatchObject({ code: "REDIS_UNREACHABLE" });
});

test("closing ends a blocked read with an empty batch, and later calls fail", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const { state } = await openSite(redis);
  const ids = await state.lastIds();
  expect(ids).toEqual({ outcomes: "0-0", points: "0-0" });
  const read = state.readStreams(ids, { count: 10, blockMs: 60_000 });
  await state.nowMs();
  await state.close();
  expect(await read).toEqual({ outcomes: [], points: [] });
  await expect(state.nowMs()).rejects.toMatchObject({ code: "REDIS_UNREACHABLE" });
});

test("a call made while the connection is being closed fails at once, also in an outage", async () => {
  const redis = await startRedis();
  const { state, leader, errors } = await openSite(redis);
  await redis.kill();
  await until(() => errors.length > 0, { what: "the outage to be noticed" });
  const closing = state.close();
  await expect(leader.resign()).rejects.toMatchObject({ code: "REDIS_UNREACHABLE" });
  await closing;
  await expect(leader.tryLead()).rejects.toMatchObject({ code: "REDIS_UNREACHABLE" });
});

test("streams are read in batches after an id, keep their last id when trimmed, and wait for what comes", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const { state } = await openSite(redis);
  for (let sweep = 0; sweep < 5; sweep += 1) await state.submitSweep(sweepRecord());
  const start = { outcomes: "0-0", points: "0-0" };
  const first = await state.readStreams(start, { count: 3, blockMs: 1_000 });
  expect(first.outcomes).toHaveLength(3);
  const position = { ...start, outcomes: first.outcomes.at(-1)!.id };
  const rest = await state.readStreams(position, { count: 3, blockMs: 1_000 });
  expect(rest.outcomes).toHaveLength(2);
  const last = { ...start, outcomes: rest.outcomes.at(-1)!.id };
  expect(await state.lastIds()).toEqual(last);
  await state.trimStreams(position);
  expect((await state.readStreams(start, { count: 10, blockMs: 0 })).outcomes.map(({ id }) => id)).toEqual([
    position.outcomes,
    ...rest.outcomes.map(({ id }) => id),
  ]);
  const blocked = state.readStreams(last, { count: 10, blockMs: 10_000 });
  await state.submitSweep(sweepRecord());
  expect((await blocked).outcomes).toMatchObject([{ event: { type: "sweepSubmitted" } }]);
});
