// Stopping anywhere and going on, here with a fresh network each time; services/worker tests it with fresh processes.
import { createHash } from "node:crypto";
import { fromTrainerSchema } from "@saphena/contracts";
import type { FromTrainer, TrainerStart } from "@saphena/contracts";
import { temporaryFolder } from "@saphena/testing";
import { expect, test } from "vitest";
import { identityOf, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { discPack } from "./discs.case.ts";
import { train } from "./index.ts";
import type { StopSignal } from "./index.ts";
import { LABELS, engine, fileOf, finished, hashOf, ofType, parquetRows, startOf } from "./training.case.ts";

/** Says "release" from the n-th time on that it is asked; asked before each batch: 5 of training and 2 of validation an epoch. */
const releaseAt = (n: number, how: "release" | "cancel" = "release"): StopSignal => {
  let asked = 0;
  return {
    get requested() {
      return asked++ < n ? null : how;
    },
  };
};
async function attempt(stop: StopSignal, checkpoint: TrainerStart["checkpoint"], changes: Partial<TrainerStart> = {}) {
  const pack = discPack({ labels: LABELS });
  const start = await startOf({ start: { checkpoint, ...changes }, train: { epochs: 3 } }, pack);
  const messages: FromTrainer[] = [];
  const end = await train({ engine, pack, start, report: (message) => void messages.push(fromTrainerSchema.parse(message)), stop });
  const last = ofType(messages, "checkpoint").at(-1);
  return { start, end, messages, checkpoint: last === undefined ? null : { ...last.file, epoch: last.epoch } };
}
const straight = await attempt({ requested: null }, null);
const asStored = (file: { path: string; sha256: string; epoch: number } | null): TrainerStart["checkpoint"] =>
  file === null ? null : { path: file.path, sha256: file.sha256, epoch: file.epoch };
/** Over every tensor of the last checkpoint by name, shape and bytes: weights, running averages and momentum. */
async function stateHashOf({ checkpoint, start }: Awaited<ReturnType<typeof attempt>>): Promise<string> {
  const { tensors } = await readCheckpoint(checkpoint!, identityOf(start));
  expect([...tensors.keys()].some((name) => name.startsWith("optimizer."))).toBe(true);
  const hash = createHash("sha256");
  for (const [name, { shape, data }] of tensors) hash.update(`${name}[${shape.join()}]`).update(data);
  return hash.digest("hex");
}
const withoutSpeed = (rows: Record<string, unknown>[]): Record<string, unknown>[] => rows.filter(({ name }) => name !== "imagesPerSecond");

test.each([
  ["in the first epoch", [2]],
  ["between training and validation", [5]],
  ["within validation", [6]],
  ["just after an epoch", [7]],
  ["twice, the second time within an epoch that was resumed within", [3, 1]],
  ["three times", [9, 3, 6]],
])("a run stopped %s ends with the very same bits", async (_, stops) => {
  let checkpoint: TrainerStart["checkpoint"] = null;
  for (const n of stops) {
    const stopped = await attempt(releaseAt(n), checkpoint);
    expect(stopped.end).toMatchObject({ type: "stopped", how: "release" });
    checkpoint = asStored(stopped.checkpoint);
  }
  const resumed = await attempt({ requested: null }, checkpoint);
  expect(ofType(resumed.messages, "started")[0]?.firstEpoch).toBe(checkpoint!.epoch + 1);
  expect(ofType(resumed.messages, "log").filter(({ level }) => level === "warn")).toEqual([]);
  expect(hashOf(resumed.end, "model")).toBe(hashOf(straight.end, "model"));
  expect(hashOf(resumed.end, "predictions")).toBe(hashOf(straight.end, "predictions"));
  expect(finished(resumed.end).metrics).toEqual(finished(straight.end).metrics);
  expect(finished(resumed.end).resumedFrom).toEqual([]);
  const histories = await Promise.all([resumed, straight].map(async ({ end }) => withoutSpeed(await parquetRows(fileOf(end, "metrics")))));
  expect(histories[0]).toEqual(histories[1]);
});

test.each([1, 3, 5, 6])("and so does what the optimizer keeps, which only checkpoints hold: stopped before batch %i", async (n) => {
  const stopped = await attempt(releaseAt(n), null);
  const resumed = await attempt({ requested: null }, asStored(stopped.checkpoint));
  expect(resumed.checkpoint?.epoch).toBe(straight.checkpoint?.epoch);
  expect(await stateHashOf(resumed)).toBe(await stateHashOf(straight));
});

test("the hashes tell trainings apart: one step less, or another seed, has another", async () => {
  const short = await attempt(releaseAt(1), null);
  const shorter = await attempt(releaseAt(2), null);
  expect(await stateHashOf(short)).not.toBe(await stateHashOf(shorter));
  const otherSeed = await attempt({ requested: null }, null, { seed: 12 });
  expect(hashOf(otherSeed.end, "model")).not.toBe(hashOf(straight.end, "model"));
  expect(await stateHashOf(otherSeed)).not.toBe(await stateHashOf(straight));
});

test("a run whose batches other threads make, stopped and gone on with, ends with the very same bits", async () => {
  const stopped = await attempt(releaseAt(3), null, { inputThreads: 2 });
  const resumed = await attempt({ requested: null }, asStored(stopped.checkpoint), { inputThreads: 1 });
  expect(hashOf(resumed.end, "model")).toBe(hashOf(straight.end, "model"));
  expect(hashOf(resumed.end, "predictions")).toBe(hashOf(straight.end, "predictions"));
});

test("a release where nothing is new writes no checkpoint again", async () => {
  const stopped = await attempt(releaseAt(0), null);
  expect(stopped.end).toEqual({ type: "stopped", how: "release", epoch: 0 });
  expect(stopped.checkpoint).toBeNull();
  const after = await attempt(releaseAt(7), null);
  expect(ofType(after.messages, "checkpoint").map(({ epoch }) => epoch)).toEqual([1]);
});

test("a cancel writes nothing", async () => {
  const cancelled = await attempt(releaseAt(3, "cancel"), null);
  expect(cancelled.end).toEqual({ type: "stopped", how: "cancel", epoch: 0 });
  expect(cancelled.checkpoint).toBeNull();
});

test("a checkpoint that is damaged, or of another run, is named and left: the run begins anew and ends the same", async () => {
  const { checkpoint } = await attempt(releaseAt(3), null);
  const damaged = { ...asStored(checkpoint)!, sha256: "0".repeat(64) };
  const fromDamaged = await attempt({ requested: null }, damaged);
  expect(
    ofType(fromDamaged.messages, "log")
      .filter(({ level }) => level === "warn")
      .map(({ message }) => message),
  ).toEqual([expect.stringMatching(/does not have the hash .*; starting from the beginning$/)]);
  expect(hashOf(fromDamaged.end, "model")).toBe(hashOf(straight.end, "model"));

  const otherSeed = await attempt({ requested: null }, asStored(checkpoint), { seed: 12 });
  expect(ofType(otherSeed.messages, "log").some(({ message }) => message.includes("it was made with another seed"))).toBe(true);
  expect(ofType(otherSeed.messages, "started")[0]?.firstEpoch).toBe(1);
});

test("going on from another engine is allowed and flagged", async () => {
  const { checkpoint, start } = await attempt(releaseAt(8), null);
  const stored = await readCheckpoint(checkpoint!, identityOf(start));
  expect(stored.fingerprints).toEqual([engine.fingerprint]);
  const other = { ...engine.fingerprint, instructionSet: "another" };
  const moved = await writeCheckpoint(await temporaryFolder("moved"), { ...stored, fingerprints: [other] });
  const resumed = await attempt({ requested: null }, { path: moved.path, sha256: moved.sha256, epoch: 1 });
  expect(finished(resumed.end).resumedFrom).toEqual([other]);
  expect(ofType(resumed.messages, "started")[0]?.resumedFrom).toEqual([other]);
  expect(ofType(resumed.messages, "log").some(({ level }) => level === "warn")).toBe(true);
});
