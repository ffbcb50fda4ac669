// The pure model of live state that model.test.ts holds against the real commands, and the steps of its walks: each says what the reply
// must be (and changes the model), and makes the real call.
import { isFinal } from "@saphena/contracts";
import type { AttemptEnd, FinalState, State } from "@saphena/contracts";
import { expect } from "vitest";
import { failureOf, resultOf } from "./sweep.case.ts";
import type { Site } from "./sweep.case.ts";

export const FOLDS = 2;
export const CONCURRENCY = 3;

interface ModelRun {
  id: string;
  trial: number;
  place: "backlog" | "dispatched" | "running" | "parked" | "final";
  attempt: number;
  pointsEpoch: number;
  failures: number;
  state: FinalState | null;
}
interface ModelTrial {
  state: State;
  stopping: string | null;
  runs: ModelRun[];
}
export interface Model {
  sweep: string;
  state: State;
  stopping: string | null;
  budget: number;
  trials: ModelTrial[];
  points: number;
  finished: number;
}
const runsOf = (model: Model): ModelRun[] => model.trials.flatMap((trial) => trial.runs);
const count = <T>(items: T[], holds: (item: T) => boolean): number => items.filter(holds).length;
const isStopping = (model: Model, run: ModelRun): boolean => model.stopping !== null || model.trials[run.trial]!.stopping !== null;
const going = (model: Model): State => (model.trials.length > 0 ? "running" : "queued");
const park = (run: ModelRun): void => void (run.place = "parked");

/** A step: what the model says the reply is (and changes), and the real call. */
export interface Step {
  name: string;
  expected(model: Model): unknown;
  actual(model: Model, site: Site): Promise<unknown>;
}
/** Everything Redis counts and lists, against the model. */
export async function compare(model: Model, { state, connection: { client, keys } }: Site): Promise<void> {
  const runs = runsOf(model);
  const at = (place: ModelRun["place"]): string[] =>
    runs
      .filter((run) => run.place === place)
      .map((run) => run.id)
      .toSorted();
  const [sweep, trials, live] = await Promise.all([
    state.sweep(model.sweep),
    state.trials(
      model.sweep,
      model.trials.map((_, number) => number),
    ),
    state.runs(runs.map(({ id }) => id)),
  ]);
  const [backlog, waiting, leases, parked, open, active] = await Promise.all([
    client.zrange(keys.backlog(model.sweep), "0", "-1"),
    client.zrange(keys.waiting("default"), "0", "-1"),
    client.zrange(keys.leases, "0", "-1"),
    client.smembers(keys.parked),
    client.zrange(keys.openTrials(model.sweep), "0", "-1"),
    client.zrange(keys.activeSweeps, "0", "-1"),
  ]);
  expect(sweep).toMatchObject({
    state: model.state,
    stopping: model.stopping,
    trialBudget: model.budget,
    trialsCreated: model.trials.length,
    trialsCompleted: count(model.trials, ({ state: is }) => is === "completed"),
    trialsFailed: count(model.trials, ({ state: is }) => is === "failed"),
    trialsCancelled: count(model.trials, ({ state: is }) => is === "cancelled"),
    runsInFlight: count(runs, ({ place }) => place === "dispatched" || place === "running"),
    runsRunning: count(runs, ({ place }) => place === "running"),
    runsFinal: count(runs, ({ place }) => place === "final"),
  });
  expect(sweep?.runningSinceMs !== null, "the clock runs while the sweep does").toBe(model.state === "running");
  expect(
    trials.map((trial) => [trial.state, trial.stopping, trial.runsCompleted + trial.runsFailed + trial.runsCancelled + trial.runsPruned]),
  ).toEqual(model.trials.map((trial) => [trial.state, trial.stopping, count(trial.runs, ({ place }) => place === "final")]));
  expect(live.map((run) => [run?.state, run?.attempt, run?.pointsEpoch, run?.failures.length, run?.parked !== null])).toEqual(
    runs.map((run) => [
      run.state ?? (run.place === "running" ? "running" : "queued"),
      run.attempt,
      run.pointsEpoch,
      run.failures,
      run.place === "parked",
    ]),
  );
  expect([backlog, waiting, leases, parked].map((list) => list.toSorted())).toEqual([
    at("backlog"),
    at("dispatched"),
    at("running"),
    at("parked"),
  ]);
  expect(open.map(Number)).toEqual(model.trials.flatMap((trial, number) => (isFinal(trial.state) ? [] : [number])));
  expect(active).toEqual(isFinal(model.state) ? [] : [model.sweep]);
  expect(await client.xlen(keys.points)).toBe(model.points);
}

/** The run that `index` stands for: mostly one in the place where the step does something, now and then any. */
const pick = (model: Model, index: number, aim: ModelRun["place"]): ModelRun | undefined => {
  const all = runsOf(model);
  const aimed = all.filter(({ place }) => place === aim);
  const runs = index % 8 === 0 || aimed.length === 0 ? all : aimed;
  return runs[index % Math.max(runs.length, 1)];
};
const idOf = (model: Model, index: number, aim: ModelRun["place"]): string => pick(model, index, aim)?.id ?? `${model.sweep}-0-0`;
const attemptOf = (model: Model, index: number, aim: ModelRun["place"], stale: boolean): number =>
  (pick(model, index, aim)?.attempt ?? 0) + (stale ? 1 : 0);
/** Only for (run, attempt) that runs now; else stale. */
const ifRunning = (model: Model, index: number, stale: boolean, then: (run: ModelRun) => unknown): unknown => {
  const run = pick(model, index, "running");
  return run === undefined || stale || run.place !== "running" ? "stale-attempt" : then(run);
};
const finalise = (model: Model, run: ModelRun, state: FinalState): void => {
  run.place = "final";
  run.state = state;
  model.finished += 1;
};

export const move = (to: "pause" | "resume" | "cancel"): Step => ({
  name: to,
  actual: (model, { state }) => state.moveSweep(model.sweep, to),
  expected: (model) => {
    if (to === "cancel" && (model.state === "cancelled" || model.stopping === "cancelled")) return "ok";
    if (isFinal(model.state) || model.stopping !== null) return "wrong-state";
    if (to === "pause") model.state = "paused";
    if (to === "resume" && model.state === "paused") model.state = going(model);
    if (to === "cancel") model.stopping = "cancelled";
    return "ok";
  },
});
export const addTrials = (trials: number): Step => ({
  name: `add ${trials}`,
  actual: (model, { state }) => state.addTrials(model.sweep, trials),
  expected: (model) => {
    if (model.state === "cancelled" || model.stopping !== null) return "wrong-state";
    model.budget += trials;
    if (model.state === "paused") model.state = going(model);
    else if (isFinal(model.state)) model.state = "running";
    return "ok";
  },
});
export const create = (trials: number, skew: number): Step => ({
  name: `create ${trials} at +${skew}`,
  actual: (model, { leader }) =>
    leader.createTrials(
      model.sweep,
      model.trials.length + skew,
      Array.from({ length: trials }, () => ({ parameters: {}, retryOf: null })),
    ),
  expected: (model) => {
    if ((model.state !== "queued" && model.state !== "running") || model.stopping !== null) return "wrong-state";
    if (skew !== 0) return "out-of-order";
    if (model.trials.length + trials > model.budget) return "budget-used";
    for (let made = 0; made < trials; made += 1) {
      const trial = model.trials.length;
      const runs = Array.from({ length: FOLDS }, (_, fold): ModelRun => ({
        id: `${model.sweep}-${trial}-${fold}`,
        trial,
        place: "backlog",
        attempt: 0,
        pointsEpoch: 0,
        failures: 0,
        state: null,
      }));
      model.trials.push({ state: "queued", stopping: null, runs });
    }
    model.state = "running";
    return "created";
  },
});
export const dispatch = (index: number): Step => ({
  name: `dispatch ${index}`,
  actual: async (model, { connection }) =>
    (await connection.call("dispatch", ["leader-1", 1, idOf(model, index, "backlog"), "default"]))[0],
  expected: (model) => {
    const run = pick(model, index, "backlog");
    if (run?.place !== "backlog" || isStopping(model, run) || model.state === "paused") return "wrong-state";
    if (count(runsOf(model), ({ place }) => place === "dispatched" || place === "running") >= CONCURRENCY) return "concurrency-full";
    run.place = "dispatched";
    run.attempt += 1;
    return "dispatched";
  },
});
export const claim = (index: number, stale: boolean): Step => ({
  name: `claim ${index}${stale ? " stale" : ""}`,
  actual: async (model, { worker }) =>
    (await worker.claim(idOf(model, index, "dispatched"), attemptOf(model, index, "dispatched", stale))).reply,
  expected: (model) => {
    const run = pick(model, index, "dispatched");
    if (run === undefined || stale || (run.place !== "dispatched" && run.place !== "running")) return "stale-attempt";
    if (run.place === "running") return "claimed";
    if (isStopping(model, run)) return (park(run), "cancelled");
    if (model.state === "paused") return ((run.place = "backlog"), "paused");
    run.place = "running";
    if (model.trials[run.trial]!.state === "queued") model.trials[run.trial]!.state = "running";
    return "claimed";
  },
});
export const points = (index: number, epoch: number, stale: boolean): Step => ({
  name: `points ${index} epoch ${epoch}`,
  actual: (model, { worker }) =>
    worker.reportPoints(idOf(model, index, "running"), attemptOf(model, index, "running", stale), { epoch, values: { loss: 1 } }),
  expected: (model) =>
    ifRunning(model, index, stale, (run) => {
      if (epoch <= run.pointsEpoch) return "duplicate";
      run.pointsEpoch = epoch;
      model.points += 1;
      return "ok";
    }),
});
export const heartbeat = (index: number, stale: boolean): Step => ({
  name: `heartbeat ${index}`,
  actual: async (model, { worker }) => {
    const run = idOf(model, index, "running");
    return (
      await worker.heartbeat([{ run, attempt: attemptOf(model, index, "running", stale), epoch: 0, epochs: 1, imagesPerSecond: null }])
    ).get(run);
  },
  expected: (model) =>
    ifRunning(model, index, stale, (run) => (isStopping(model, run) ? "cancel" : model.state === "paused" ? "release" : "ok")),
});
export const commit = (index: number, stale: boolean): Step => ({
  name: `commit ${index}`,
  actual: (model, { worker }) => worker.beginCommit(idOf(model, index, "running"), attemptOf(model, index, "running", stale)),
  expected: (model) => ifRunning(model, index, stale, (run) => (isStopping(model, run) ? "cancel" : "ok")),
});
export const finish = (index: number, stale: boolean, state: FinalState): Step => ({
  name: `finish ${index} ${state}`,
  actual: (model, { worker }) =>
    worker.finish(resultOf(idOf(model, index, "running"), attemptOf(model, index, "running", stale), state, "nonce of the worker")),
  expected: (model) => {
    const run = pick(model, index, "running");
    if (run?.place === "final" && run.state !== "pruned") return "finished"; // the same nonce
    return ifRunning(model, index, stale, (running) => (finalise(model, running, state), "finished"));
  },
});
export const end = (index: number, stale: boolean, reason: AttemptEnd): Step => ({
  name: `end ${index} ${reason}`,
  actual: (model, { worker }) =>
    worker.endAttempt(idOf(model, index, "running"), failureOf(Math.max(attemptOf(model, index, "running", stale), 1), reason)),
  expected: (model) =>
    ifRunning(model, index, stale, (run) => {
      if (reason === "crashed" || reason === "outOfMemory") run.failures += 1;
      if ((reason === "released" || reason === "paused") && !isStopping(model, run)) run.place = "backlog";
      else park(run);
      return "ok";
    }),
});
export const expire = (index: number): Step => ({
  name: `expire ${index}`,
  actual: async (model, { connection, leader }) => {
    if (pick(model, index, "running")?.place === "running")
      await connection.client.zadd(connection.keys.leases, "1", idOf(model, index, "running"));
    return await leader.expireLeases();
  },
  expected: (model) => {
    const run = pick(model, index, "running");
    if (run?.place !== "running") return [];
    park(run);
    run.failures += 1;
    return [run.id];
  },
});
export const withdraw = (index: number, stale: boolean): Step => ({
  name: `withdraw ${index}`,
  actual: async (model, { connection }) =>
    (await connection.call("withdraw", ["leader-1", 1, idOf(model, index, "dispatched"), attemptOf(model, index, "dispatched", stale)]))[0],
  expected: (model) => {
    const run = pick(model, index, "dispatched");
    if (run?.place !== "dispatched" || stale) return "wrong-state";
    if (isStopping(model, run)) park(run);
    else run.place = "backlog";
    return "ok";
  },
});
export const requeue = (index: number): Step => ({
  name: `requeue ${index}`,
  actual: (model, { leader }) => leader.requeue(idOf(model, index, "parked")),
  expected: (model) => {
    const run = pick(model, index, "parked");
    if (run?.place !== "parked" || isStopping(model, run)) return "wrong-state";
    run.place = "backlog";
    return "ok";
  },
});
/** From the store, by any attempt; its state "pruned" tells these apart from what `finish` wrote. */
export const settleRun = (index: number): Step => ({
  name: `settle run ${index}`,
  actual: async (model, { leader }) =>
    pick(model, index, "parked") === undefined
      ? "no run"
      : await leader.settleRun(resultOf(idOf(model, index, "parked"), 0, "pruned", "nonce of the store")),
  expected: (model) => {
    const run = pick(model, index, "parked");
    if (run === undefined) return "no run";
    if (run.place === "final") return "already-final";
    finalise(model, run, "pruned");
    return "settled";
  },
});
export const stopTrial = (trial: number, why: "failed" | "cancelled"): Step => ({
  name: `stop trial ${trial} ${why}`,
  actual: (model, { leader }) => leader.stopTrial(model.sweep, trial, why, "for a test"),
  expected: (model) => {
    const stopped = model.trials[trial];
    if (stopped === undefined || isFinal(stopped.state) || (stopped.stopping !== null && stopped.stopping !== why)) return "wrong-state";
    stopped.stopping = why;
    for (const run of stopped.runs) if (run.place === "backlog" || run.place === "dispatched") park(run);
    return "ok";
  },
});
/** Mostly the trial whose runs are all over. */
const endedTrial = (model: Model, index: number): number => {
  const ended = model.trials.findIndex((trial) => !isFinal(trial.state) && trial.runs.every(({ place }) => place === "final"));
  return ended === -1 || index % 4 === 0 ? index % 4 : ended;
};
export const settleTrial = (index: number, state: FinalState): Step => ({
  name: `settle trial ${index} ${state}`,
  actual: (model, { leader }) =>
    leader.settleTrial(model.sweep, endedTrial(model, index), { state, reason: null, value: 0.5, best: state === "completed" }),
  expected: (model) => {
    const settled = model.trials[endedTrial(model, index)];
    if (settled === undefined || isFinal(settled.state) || settled.runs.some(({ place }) => place !== "final")) return "wrong-state";
    settled.state = state;
    return "settled";
  },
});
export const stopSweep: Step = {
  name: "stop sweep",
  actual: (model, { leader }) => leader.stopSweep(model.sweep, "failed", "for a test"),
  expected: (model) => {
    if (isFinal(model.state) || model.stopping === "cancelled") return "wrong-state";
    model.stopping = "failed";
    return "ok";
  },
};
export const settleSweep = (state: FinalState): Step => ({
  name: `settle sweep ${state}`,
  actual: (model, { leader }) => leader.settleSweep(model.sweep, state, null),
  expected: (model) => {
    if (isFinal(model.state) || model.trials.some((trial) => !isFinal(trial.state))) return "wrong-state";
    if (model.stopping !== null && model.stopping !== state) return "wrong-state";
    if (model.state === "paused" && state === "completed") return "wrong-state";
    model.state = state;
    model.stopping = null;
    return "settled";
  },
});
