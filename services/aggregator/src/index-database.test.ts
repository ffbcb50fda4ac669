import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OutcomeEvent, RunResult, SweepRecord } from "@saphena/contracts";
import { parseSweepFile } from "@saphena/contracts";
import { openIndex } from "./index-database.ts";
import type { IndexDatabase } from "./index-database.ts";
import { mergeRows } from "./merge.ts";
import { bestTrial, curves, trialRows } from "./queries.ts";
import { rowsFromEvents } from "./rows-from-events.ts";
import { reached } from "./aggregate.ts";

const SWEEP = "swp_000000000001";
const hash = "0".repeat(64);
const record: SweepRecord = {
  schemaVersion: 1,
  id: SWEEP,
  spec: parseSweepFile({ name: "t", dataset: "t", budget: { trials: 2 }, cv: { folds: 2 } }),
  dataset: { name: "t", hash, labels: ["a", "b"], maskClasses: 2 },
  heads: "both",
  splitsHash: hash,
  folds: 2,
  submittedAtMs: 1,
};
const result = (trial: number, fold: number, dice: number | null): RunResult => ({
  schemaVersion: 1,
  run: `${SWEEP}-${trial}-${fold}`,
  sweep: SWEEP,
  trial,
  fold,
  attempt: 1,
  state: "completed",
  reason: null,
  parameters: {},
  seed: 1,
  fingerprint: null,
  resumedFrom: [],
  nonce: "n",
  epochs: 1,
  metrics: { dice, accuracy: 0.5 },
  files: [],
  failures: [],
  timing: { startedAtMs: 1, finishedAtMs: 2, trainSeconds: 1, imagesPerSecond: null },
});
const created = (trial: number): OutcomeEvent => ({
  type: "trialCreated",
  sweep: SWEEP,
  trial,
  parameters: { "train.seed": trial },
  folds: 2,
  retryOf: null,
});
const finished = (trial: number, fold: number, dice: number | null): OutcomeEvent => ({
  type: "runFinished",
  result: result(trial, fold, dice),
});
const settled = (trial: number, value: number): OutcomeEvent => ({
  type: "trialSettled",
  sweep: SWEEP,
  trial,
  state: "completed",
  reason: null,
  value,
});

let folder: string;
let index: IndexDatabase;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "saphena-index-"));
  index = await openIndex(join(folder, "index.duckdb"));
});
afterEach(async () => {
  await index.close();
  await rm(folder, { recursive: true });
});
const apply = (...events: OutcomeEvent[]): Promise<void> => index.write((writer) => mergeRows(writer, rowsFromEvents(events, [])));

describe("the index", () => {
  it("gives trials with fold values and means over the folds that have one", async () => {
    await apply({ type: "sweepSubmitted", record }, created(0), created(1), {
      type: "runStarted",
      sweep: SWEEP,
      trial: 1,
      fold: 0,
      attempt: 1,
      worker: "w",
    });
    await apply(finished(0, 0, 0.5), finished(0, 1, null), settled(0, 0.5));
    expect(await trialRows(index, SWEEP)).toEqual([
      {
        number: 0,
        state: "completed",
        parameters: { "train.seed": 0 },
        metrics: { accuracy: 0.5, dice: 0.5 },
        folds: [
          { fold: 0, state: "completed", metrics: { dice: 0.5, accuracy: 0.5 } },
          { fold: 1, state: "completed", metrics: { dice: null, accuracy: 0.5 } },
        ],
      },
      {
        number: 1,
        state: "running",
        parameters: { "train.seed": 1 },
        metrics: {},
        folds: [
          { fold: 0, state: "running", metrics: {} },
          { fold: 1, state: "queued", metrics: {} },
        ],
      },
    ]);
  });

  it("never takes back what is final, whatever is replayed and in whatever batches", async () => {
    const events = [{ type: "sweepSubmitted", record } as const, created(0), finished(0, 0, 0.7), finished(0, 1, 0.9), settled(0, 0.8)];
    await apply(...events);
    const first = await trialRows(index, SWEEP);
    await apply(...events);
    for (const event of events) await apply(event);
    await apply({
      type: "attemptEnded",
      sweep: SWEEP,
      trial: 0,
      fold: 0,
      failure: { attempt: 1, reason: "lost", code: "RUN_LOST", message: "", worker: null },
    });
    expect(await trialRows(index, SWEEP)).toEqual(first);
    expect((await bestTrial(index, SWEEP))?.value).toBe(0.8);
  });

  it("rolls a batch back whole when a part of it fails", async () => {
    await expect(
      index.write(async (writer) => {
        await mergeRows(writer, rowsFromEvents([{ type: "sweepSubmitted", record }], []));
        throw new Error("power cut");
      }),
    ).rejects.toThrow("power cut");
    await expect(trialRows(index, SWEEP)).rejects.toThrow("no such sweep");
  });

  it("keeps one curve a run, in the order of epochs", async () => {
    await apply({ type: "sweepSubmitted", record });
    const point = (epoch: number, value: number) => ({
      sweep: SWEEP,
      trial: 0,
      fold: 1,
      attempt: 1,
      points: { epoch, values: { dice: value } },
    });
    await index.write((writer) => mergeRows(writer, rowsFromEvents([], [point(1, 0.25), point(2, 0.5)])));
    expect(await curves(index, SWEEP, "dice")).toEqual([{ trial: 0, fold: 1, name: "dice", epochs: [1, 2], values: [0.25, 0.5] }]);
  });

  it("compares stream ids as numbers", () => {
    expect(reached("10-2", "9-9")).toBe(true);
    expect(reached("10-2", "10-10")).toBe(false);
    expect(reached("0-0", "0-0")).toBe(true);
  });
});

describe("an index file of another version", () => {
  it("is made anew, so that it is filled from the store again", async () => {
    await apply({ type: "sweepSubmitted", record });
    await index.write((writer) => writer.run("UPDATE index_version SET version = 0"));
    await index.close();
    index = await openIndex(join(folder, "index.duckdb"));
    expect(index.filled).toBe(false);
    await expect(trialRows(index, SWEEP)).rejects.toThrow("no such sweep");
  });
});
