// One attempt from claim to end on a real Redis and a folder: who may go on, what is kept, what is removed, and when it stops.
import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SaphenaError, runKeys } from "@saphena/contracts";
import type { FromTrainer } from "@saphena/contracts";
import { openPack } from "@saphena/dataset";
import type { ObjectStore } from "@saphena/object-store";
import { startRedis, until } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import { beforeAll, expect, test } from "vitest";
import { ActiveAttempts } from "./active-attempts.ts";
import { executeAttempt } from "./attempt.ts";
import { fetchCheckpoint } from "./checkpoint-transfer.ts";
import { finishedWith, openRig, scriptedTrainers, storeWith } from "./worker.case.ts";
import type { ScriptedTrainer } from "./worker.case.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  return () => redis.stop();
});

async function written(trainer: ScriptedTrainer, name: string): Promise<{ path: string; sha256: string; sizeBytes: number }> {
  const path = join(trainer.start.outFolder, name);
  await writeFile(path, name);
  return { path, sha256: createHash("sha256").update(name).digest("hex"), sizeBytes: name.length };
}
const checkpoint = async (trainer: ScriptedTrainer, epoch: number, name: string): Promise<FromTrainer> => ({
  type: "checkpoint",
  epoch,
  file: await written(trainer, name),
});

test("a refused or repeated delivery of a run leaves the attempt that runs in its place", async () => {
  const script = scriptedTrainers();
  const { parts, dispatch, run } = await openRig(redis, script.launch);
  const active = new ActiveAttempts();
  const { run: id } = await dispatch();
  const running = executeAttempt(parts, id, 1, active);
  const trainer = await script.trainer(0);
  await executeAttempt(parts, id, 9, active); // never dispatched: refused
  await executeAttempt(parts, id, 1, active); // its job came twice: the claim of the same worker would be granted
  expect(active.all().map(({ attempt }) => attempt)).toEqual([1]);
  trainer.say(finishedWith());
  trainer.exit();
  await running;
  expect(script.trainers).toHaveLength(1);
  expect(active.all()).toEqual([]);
  expect((await run(id)).state).toBe("completed");
});

test("of two attempts of a run in one worker the older goes, and its end does not take the newer's place", async () => {
  const script = scriptedTrainers();
  const { parts, dispatch, run } = await openRig(redis, script.launch);
  const active = new ActiveAttempts();
  const { run: id } = await dispatch();
  const older = executeAttempt(parts, id, 1, active);
  const first = await script.trainer(0);
  // As after an outage: the leader has given the run up and dispatches it again, to the same worker.
  await parts.queue.endAttempt(id, { attempt: 1, reason: "released", code: "RUN_LOST", message: "m", worker: parts.worker });
  expect(await dispatch()).toEqual({ run: id, attempt: 2 });
  const newer = executeAttempt(parts, id, 2, active);
  await older;
  expect(first.killed).toBe(true);
  expect(active.all().map(({ attempt }) => attempt)).toEqual([2]);
  const second = await script.trainer(1);
  second.say(finishedWith());
  second.exit();
  await newer;
  expect(await run(id)).toMatchObject({ state: "completed", attempt: 2 });
});

test("what is claimed while the worker drains is released at once", async () => {
  const script = scriptedTrainers();
  const { parts, dispatch, run, leader, sweep } = await openRig(redis, script.launch);
  const active = new ActiveAttempts();
  const { run: id } = await dispatch();
  active.drain(); // SIGTERM came while the claim was under way
  await executeAttempt(parts, id, 1, active);
  expect(await leader.backlog(sweep.id, 5)).toEqual([id]);
  expect((await run(id)).failures).toEqual([]);
  expect(script.trainers).toEqual([]);
});

test("a stop ends an attempt whose dataset is still being packed; the pack goes on for the next one", async () => {
  const script = scriptedTrainers();
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let asked = 0;
  const slow = (store: ObjectStore): ObjectStore =>
    storeWith(store, {
      async get(key, expected) {
        if (key.includes("/objects/")) {
          asked += 1;
          await gate;
        }
        return store.get(key, expected);
      },
    });
  const { parts, dispatch, run, leader, sweep } = await openRig(redis, script.launch, slow);
  const active = new ActiveAttempts();
  const { run: id } = await dispatch();
  const first = executeAttempt(parts, id, 1, active);
  await until(() => asked > 0, { what: "the packing" });
  active.all()[0]!.stop("release");
  await first;
  expect(await leader.backlog(sweep.id, 5)).toEqual([id]);

  await dispatch();
  const second = executeAttempt(parts, id, 2, active);
  open();
  const trainer = await script.trainer(0);
  trainer.say(finishedWith());
  trainer.exit();
  await second;
  expect(await run(id)).toMatchObject({ state: "completed", attempt: 2 });
});

test("checkpoints are kept under the names of their files, the noted one untouched by the next, and none once a result is in", async () => {
  const script = scriptedTrainers();
  const { parts, dispatch, run, keys, sweep } = await openRig(redis, script.launch);
  const { run: id } = await dispatch();
  const attempt = executeAttempt(parts, id, 1, new ActiveAttempts());
  const trainer = await script.trainer(0);
  const noted = async (name: string): Promise<void> => {
    const key = runKeys.attemptFile({ sweep: sweep.id, trial: 0, fold: 0 }, 1, name);
    await until(async () => (await run(id)).checkpoint?.key === key, { what: name });
    await until(async () => (await keys("sweeps/")).filter((one) => one.includes("checkpoint")).join() === key, { what: `only ${name}` });
  };
  for (const name of ["checkpoint-3.safetensors", "checkpoint-3-step-7.safetensors", "checkpoint-3-step-9.safetensors"]) {
    trainer.say(await checkpoint(trainer, 3, name));
    await noted(name);
  }
  trainer.say(finishedWith());
  trainer.exit();
  await attempt;
  expect((await keys("sweeps/")).filter((key) => key.includes("checkpoint"))).toEqual([]);
});

test.each([
  ["a cancel removes it", "cancel", 0],
  ["a release keeps it", "release", 1],
] as const)("the checkpoint of a run that is stopped: %s", async (_, how, left) => {
  const script = scriptedTrainers();
  const { parts, dispatch, run, keys } = await openRig(redis, script.launch);
  const active = new ActiveAttempts();
  const { run: id } = await dispatch();
  const attempt = executeAttempt(parts, id, 1, active);
  const trainer = await script.trainer(0);
  trainer.say(await checkpoint(trainer, 1, "checkpoint-1.safetensors"));
  await until(async () => (await run(id)).checkpoint !== null, { what: "the checkpoint" });
  active.all()[0]!.stop(how);
  active.all()[0]!.stop("release"); // a cancel is not softened
  await attempt;
  expect((await keys("sweeps/")).filter((key) => key.includes("checkpoint"))).toHaveLength(left);
});

test("the files of an attempt whose result came second are removed, those of the first stay", async () => {
  const script = scriptedTrainers();
  const { parts, dispatch, store, keys, sweep } = await openRig(redis, script.launch);
  const address = { sweep: sweep.id, trial: 0, fold: 0 };
  const run = async (): Promise<void> => {
    const delivered = await dispatch();
    const attempt = executeAttempt(parts, delivered.run, delivered.attempt, new ActiveAttempts());
    const trainer = await script.trainer(script.trainers.length);
    trainer.say(finishedWith([{ ...(await written(trainer, "log.jsonl")), role: "log" }]));
    trainer.exit();
    await attempt;
  };
  await run();
  const first = runKeys.attemptFile(address, 1, "log.jsonl");
  expect(await keys("sweeps/")).toContain(first);
  // The same result, as if a worker that was thought dead had made it for the next trial's run.
  const second = { sweep: sweep.id, trial: 1, fold: 0 };
  const theirs = JSON.parse(new TextDecoder().decode(await store.get(runKeys.result(address)))) as object;
  await store.put(runKeys.result(second), JSON.stringify({ ...theirs, attempt: 7, trial: 1 }));
  await run();
  expect((await keys(runKeys.prefix(second))).toSorted()).toEqual([runKeys.result(second)]);
  expect(await keys("sweeps/")).toContain(first);
});

test("a store that is away for a moment does not cost the checkpoint: only one that is lost for good starts a run anew", async () => {
  const script = scriptedTrainers();
  let away = false;
  const { parts, dispatch, run, store } = await openRig(redis, script.launch, (real) =>
    storeWith(real, {
      download: (key, path, expected) =>
        away ? Promise.reject(new SaphenaError("STORE_UNREACHABLE", "for a test")) : real.download(key, path, expected),
    }),
  );
  const active = new ActiveAttempts();
  const { run: id } = await dispatch();
  const first = executeAttempt(parts, id, 1, active);
  const trainer = await script.trainer(0);
  trainer.say(await checkpoint(trainer, 1, "checkpoint-1.safetensors"));
  await until(async () => (await run(id)).checkpoint !== null, { what: "the checkpoint" });
  active.all()[0]!.stop("release");
  await first;

  away = true;
  await dispatch();
  await executeAttempt(parts, id, 2, active);
  const { failures, checkpoint: kept } = await run(id);
  expect(failures).toMatchObject([{ reason: "crashed", code: "STORE_UNREACHABLE" }]);
  expect(await store.head(kept!.key)).not.toBeNull();

  const said: string[] = [];
  await store.put(kept!.key, "damaged");
  expect(await fetchCheckpoint(store, kept, parts.workFolder, (text) => said.push(text))).toBeNull();
  expect(said.join()).toContain("starting from the beginning");
});

test("a damaged image ends the run for good, a trainer without its engine does not", async () => {
  const script = scriptedTrainers();
  const { parts, dispatch, run } = await openRig(redis, script.launch);
  for (const [index, [code, reason]] of (
    [
      ["IMAGE_INVALID", "userError"],
      ["ENGINE_MISSING", "crashed"],
    ] as const
  ).entries()) {
    const { run: id } = await dispatch();
    const attempt = executeAttempt(parts, id, 1, new ActiveAttempts());
    const trainer = await script.trainer(index);
    trainer.say({ type: "failed", code, message: "m" });
    trainer.exit();
    await attempt;
    expect((await run(id)).failures).toMatchObject([{ code, reason }]);
  }
});

test("a pack that was deleted under a running worker is made again", async () => {
  const { parts, sweep, cacheFolder } = await openRig(redis, scriptedTrainers().launch);
  const pack = () => parts.data.pack(sweep, sweep.spec.model, () => undefined);
  const first = await pack();
  expect(await pack()).toBe(first);
  await rm(cacheFolder, { recursive: true });
  expect(await pack()).toMatchObject({ folder: first.folder, built: true });
  expect((await openPack(first.folder)).ids).toHaveLength(12);
});
