// Random walks: every reply and every counter of the real commands must be what a small pure model of them says.
import type { AttemptEnd, FinalState } from "@saphena/contracts";
import { startRedis } from "@saphena/testing";
import type { TestRedis } from "@saphena/testing";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import {
  CONCURRENCY,
  FOLDS,
  addTrials,
  claim,
  commit,
  compare,
  create,
  dispatch,
  end,
  expire,
  finish,
  heartbeat,
  move,
  points,
  requeue,
  settleRun,
  settleSweep,
  settleTrial,
  stopSweep,
  stopTrial,
  withdraw,
} from "./model.case.ts";
import type { Model, Step } from "./model.case.ts";
import { openSite, sweepRecord } from "./sweep.case.ts";
import type { Site } from "./sweep.case.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  return () => redis.stop();
});

interface Real {
  site: Site;
}
class StepCommand implements fc.AsyncCommand<Model, Real> {
  readonly #step: Step;
  constructor(step: Step) {
    this.#step = step;
  }
  check(): boolean {
    return true;
  }
  toString(): string {
    return this.#step.name;
  }
  async run(model: Model, { site }: Real): Promise<void> {
    const before = structuredClone(model);
    const expected = this.#step.expected(model);
    expect(await this.#step.actual(before, site), this.#step.name).toEqual(expected);
    await compare(model, site);
  }
}
const index = fc.nat({ max: 63 });
const trial = fc.nat({ max: 3 });
const stale = fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0);
const ends = fc.constantFrom<AttemptEnd>("released", "paused", "crashed", "outOfMemory", "cancelled");
const finals = fc.constantFrom<FinalState>("completed", "failed", "cancelled");
const times = <T>(weight: number, arbitrary: T): T[] => Array.from({ length: weight }, () => arbitrary);
const steps: fc.Arbitrary<Step>[] = [
  ...times(
    3,
    fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom(0, 0, 0, 1)).map(([trials, skew]) => create(trials, skew)),
  ),
  ...times(5, index.map(dispatch)),
  ...times(
    5,
    fc.tuple(index, stale).map(([at, old]) => claim(at, old)),
  ),
  ...times(
    3,
    fc.tuple(index, stale, finals).map(([at, old, state]) => finish(at, old, state)),
  ),
  ...times(
    2,
    fc.tuple(index, stale, ends).map(([at, old, reason]) => end(at, old, reason)),
  ),
  ...times(2, index.map(requeue)),
  ...times(
    2,
    fc.tuple(index, finals).map(([at, state]) => settleTrial(at, state)),
  ),
  ...times(2, fc.constantFrom(move("pause"), move("resume"), move("resume"))),
  fc.constantFrom(addTrials(1), addTrials(2), addTrials(1), addTrials(2), move("cancel"), stopSweep),
  ...times(
    2,
    fc.tuple(index, fc.integer({ min: 1, max: 3 }), stale).map(([at, epoch, old]) => points(at, epoch, old)),
  ),
  fc.tuple(index, stale).map(([at, old]) => heartbeat(at, old)),
  fc.tuple(index, stale).map(([at, old]) => commit(at, old)),
  fc.tuple(index, stale).map(([at, old]) => withdraw(at, old)),
  index.map(expire),
  index.map(settleRun),
  fc.tuple(trial, fc.constantFrom<"failed" | "cancelled">("failed", "cancelled")).map(([number, why]) => stopTrial(number, why)),
  finals.map(settleSweep),
];

test("random walks of commands keep replies, records, lists and counters in step with the model", { timeout: 120_000 }, async () => {
  const site = await openSite(redis);
  let walks = 0;
  const called = new Set<string>();
  const call = site.connection.call.bind(site.connection);
  site.connection.call = async (name, args) => {
    const reply = await call(name, args);
    called.add(`${name} ${reply[0]}`);
    return reply;
  };
  const commands = fc.commands(
    steps.map((step) => step.map((each) => new StepCommand(each))),
    { maxCommands: 60, size: "max" },
  );
  const walk = async (cmds: Iterable<fc.AsyncCommand<Model, Real>>): Promise<void> => {
    walks += 1;
    await site.connection.client.flushdb();
    await site.leader.resign().catch(() => undefined);
    await site.leader.tryLead();
    const sweep = sweepRecord({ trials: 3, folds: FOLDS, concurrency: CONCURRENCY });
    await site.state.submitSweep(sweep);
    const model: Model = { sweep: sweep.id, state: "queued", stopping: null, budget: 3, trials: [], points: 0, finished: 0 };
    await fc.asyncModelRun(() => ({ model, real: { site } }), cmds);
  };
  await fc.assert(fc.asyncProperty(commands, walk), { numRuns: 500, interruptAfterTimeLimit: 20_000, endOnFailure: false });
  expect(walks).toBeGreaterThan(10);
  // The walks are of use only if they get everywhere that matters.
  const vital = [
    "createTrials created",
    "dispatch dispatched",
    "claim claimed",
    "reportPoints ok",
    "finish finished",
    "endAttempt ok",
    "requeue ok",
  ];
  const missed = [...vital, "withdraw ok", "settleRun settled", "settleTrial settled", "settleSweep settled", "stopTrial ok"].filter(
    (pair) => !called.has(pair),
  );
  expect(missed).toEqual([]);
});
