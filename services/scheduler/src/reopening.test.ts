// Sweeps that ended on a limit: what reopening gives, what it refuses, and what a used-up time budget stops. On a real Redis and folder.
import { afterEach, describe, expect, it } from "vitest";
import { API, SaphenaError, runKeys } from "@saphena/contracts";
import type { Decision, SweepStatus } from "@saphena/contracts";
import { createLeaderQueue } from "@saphena/queue";
import { until } from "@saphena/testing";
import { checkLeaks, useRedis } from "@saphena/testing/vitest";
import { pino } from "pino";
import { DecisionLog } from "./decision-log.ts";
import { ParkedRuns } from "./leader/parked-runs.ts";
import { newId, startUnderTest } from "./scheduler.case.ts";
import type { Ending, UnderTest } from "./scheduler.case.ts";
import { editSweep } from "./sweep-edit.ts";

checkLeaks();
const redis = useRedis();
let system: UnderTest | undefined;
afterEach(async () => {
  await system?.close();
  system = undefined;
});

async function start(test: string): Promise<UnderTest> {
  system = await startUnderTest(redis().url, test);
  await system.publishDataset("d");
  return system;
}

const grid = (size: number) =>
  ({ sampler: { type: "grid" }, parameters: { "train.epochs": { type: "int", min: 1, max: size } }, budget: { trials: size } }) as const;
const act = (under: UnderTest, sweep: string, body: object): Promise<{ status: number; body: unknown }> =>
  under.call("POST", `${API}/sweeps/${sweep}/actions`, body);
const completed = (under: UnderTest, sweep: string, trials: number): Promise<SweepStatus> =>
  until(
    async () => {
      const status = await under.status(sweep);
      return status.finishedAtMs !== null && status.trials.completed === trials ? status : null;
    },
    { what: `${trials} completed trials` },
  );

/** Trial 0 fails and the others wait for it, so the end of the sweep cancels them. */
async function failedSweep(under: UnderTest, budget: { trials: number; maxFailures: number }): Promise<{ id: string; mend: () => void }> {
  let broken = true;
  await under.startWorker((run): Ending => {
    if (!broken) return { dice: 0.5 };
    return run.trial === 0 ? { fails: "userError" } : "wait";
  });
  const { id } = await under.submit({ ...grid(budget.trials), budget, cv: { folds: 1 } });
  expect(await under.finalStatus(id)).toMatchObject({ state: "failed", trials: { failed: 1 } });
  return { id, mend: () => (broken = false) };
}

describe("a sweep that failed past maxFailures", () => {
  it("tries again what failed and what its end cancelled, so that a grid has no holes", async () => {
    const under = await start("retry after a failed end");
    const { id, mend } = await failedSweep(under, { trials: 4, maxFailures: 0 });
    const made = (await under.status(id)).trials.created;
    mend();
    expect((await act(under, id, { action: "retryFailed" })).status).toBe(200);
    const status = await completed(under, id, 4);
    expect(status).toMatchObject({ state: "completed", trials: { failed: 1, cancelled: made - 1, completed: 4 } });
    const trials = await under.state.trials(
      id,
      Array.from({ length: status.trials.created }, (_, n) => n),
    );
    const epochs = trials.filter(({ state }) => state === "completed").map(({ parameters }) => parameters["train.epochs"]);
    expect(epochs.toSorted((a, b) => Number(a) - Number(b))).toEqual([1, 2, 3, 4]);
    expect((await act(under, id, { action: "retryFailed" })).status).toBe(409);
  });

  it("goes on when trials are added: its failures so far are forgiven, the ones to come are not", async () => {
    const under = await start("more after a failed end");
    const { id, mend } = await failedSweep(under, { trials: 6, maxFailures: 0 });
    mend();
    expect((await act(under, id, { action: "resume", addTrials: 2 })).status).toBe(200);
    // All of the grid but the one that failed.
    expect(await completed(under, id, 5)).toMatchObject({ state: "completed", reason: "the whole grid was tried after 6 trials" });
    expect(await act(under, id, { action: "resume", addTrials: 2 })).toMatchObject({
      status: 409,
      body: { error: { code: "SWEEP_STATE", message: expect.stringContaining("no combination left") as string } },
    });
    expect((await act(under, id, { action: "retryFailed" })).status).toBe(200);
    expect(await completed(under, id, 6)).toMatchObject({ state: "completed" });
  });
});

describe("a time budget", () => {
  it("that is used up cancels the trials of which no run has started, lets the others end, and cannot be added to", async () => {
    const under = await start("wall clock");
    let release: (ending: Ending) => void = () => undefined;
    const released = new Promise<Ending>((resolve) => (release = resolve));
    const worker = await under.startWorker(() => released, { slots: 1 });
    const { id } = await under.submit({
      ...grid(6),
      budget: { trials: 6, wallClock: "1s" },
      cv: { folds: 2 },
      resources: { concurrency: 8 },
    });
    const before = await until(
      async () => {
        const status = await under.status(id);
        return status.trials.cancelled > 0 && status.trials.cancelled === status.trials.created - 1 ? status : null;
      },
      { what: "the trials that never started" },
    );
    expect(before).toMatchObject({ state: "running", trials: { created: 4, cancelled: 3 } });
    release({ dice: 0.5 });
    expect(await under.finalStatus(id)).toMatchObject({
      state: "completed",
      reason: "budget.wallClock was used after 1 trial",
      trials: { completed: 1, cancelled: 3 },
    });
    expect(worker.attempts.map(({ run }) => run)).toEqual([`${id}-0-0`, `${id}-0-1`]);
    expect((await under.state.trial(id, 1))?.reason).toBe("budget.wallClock was used before the trial started");
    for (const body of [{ action: "resume", addTrials: 5 }, { action: "retryFailed" }])
      expect(await act(under, id, body)).toMatchObject({
        status: 409,
        body: { error: { code: "SWEEP_STATE", message: expect.stringContaining("its budget.wallClock 1s is used up") as string } },
      });
  });
});

describe("a result that cannot be read", () => {
  it("holds up no other run or sweep, and is logged once a minute", async () => {
    const under = await start("unreadable");
    const id = newId();
    const run = `${id}-0-0`;
    await under.startWorker((claimed) => (claimed.id === run ? "vanish" : { dice: 0.5 }));
    await under.submit(grid(2), id);
    await under.store.create(runKeys.result({ sweep: id, trial: 0, fold: 0 }), "not JSON");
    const parked = await until(
      async () => {
        const live = await under.state.run(run);
        return live !== null && live.parked !== null ? live : null;
      },
      { what: "the lost run" },
    );
    const { id: other } = await under.submit(grid(3));
    expect(await under.finalStatus(other)).toMatchObject({ state: "completed", trials: { completed: 3 } });
    expect(await under.status(id)).toMatchObject({ state: "running", trials: { completed: 1 } });

    const lines: string[] = [];
    const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
    const queue = createLeaderQueue(under.state, { owner: "onlooker" });
    const runs = new ParkedRuns({ state: under.state, queue, store: under.store, decisions: new DecisionLog(under.store), log });
    for (const atMs of [0, 500, 59_999]) expect(await runs.decide([parked], atMs)).toBe(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(run);
    await runs.decide([parked], 60_000);
    expect(lines).toHaveLength(2);
  });
});

describe("an edit that Redis refuses", () => {
  it("is taken back in the log by a second line", async () => {
    const under = await start("refused edit");
    const { id } = await under.submit({});
    /** Somebody else cancels the sweep between the look at it and the edit. */
    class Overtaken extends DecisionLog {
      override async appendEdit(...args: Parameters<DecisionLog["appendEdit"]>): Promise<void> {
        await super.appendEdit(...args);
        await under.state.moveSweep(id, "cancel");
      }
    }
    const parts = { state: under.state, decisions: new Overtaken(under.store) };
    await expect(editSweep(parts, id, { action: "pause" })).rejects.toThrow(SaphenaError);
    const decisions: Decision[] = (await new DecisionLog(under.store).readAfter(id, 0)).decisions;
    expect(decisions.filter(({ type }) => type.startsWith("sweepEdit"))).toMatchObject([
      { type: "sweepEdited", action: "pause" },
      { type: "sweepEditRefused", action: "pause" },
    ]);
  });
});
