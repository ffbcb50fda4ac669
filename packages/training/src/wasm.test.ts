// A whole training on the WASM engine: to its end, stopped and gone on with, and gone on with what native TensorFlow began.
import { readFile } from "node:fs/promises";
import { fromTrainerSchema, WASM_SLOWDOWN } from "@saphena/contracts";
import type { FromTrainer, TrainerStart } from "@saphena/contracts";
import { expect, test } from "vitest";
import { discPack } from "./discs.case.ts";
import { loadEngine, train } from "./index.ts";
import type { StopSignal } from "./index.ts";
import { LABELS, engine as native, fileOf, finished, hashOf, ofType, startOf } from "./training.case.ts";

const wasm = await loadEngine({ threads: 1, engine: "wasm" });

/** Trains for two epochs; stops at the n-th time it is asked, 5 times for training and 2 for validation an epoch. */
async function attempt(engine: typeof wasm, checkpoint: TrainerStart["checkpoint"], stopAt = Number.POSITIVE_INFINITY) {
  let asked = 0;
  const stop: StopSignal = {
    get requested() {
      return asked++ < stopAt ? null : "release";
    },
  };
  const pack = discPack({ labels: LABELS });
  const start = await startOf({ start: { checkpoint } }, pack);
  const messages: FromTrainer[] = [];
  const end = await train({ engine, pack, start, report: (message) => void messages.push(fromTrainerSchema.parse(message)), stop });
  const last = ofType(messages, "checkpoint").at(-1);
  return { end, messages, checkpoint: last === undefined ? null : { path: last.file.path, sha256: last.file.sha256, epoch: last.epoch } };
}

test("trains to its end, with the engine in its fingerprint and its slowness in the run's log", async () => {
  const [ours, theirs] = [await attempt(wasm, null), await attempt(native, null)];
  expect(finished(ours.end).fingerprint).toMatchObject({ engine: "tensorflow-wasm", threads: 1 });
  const warnings = ofType(ours.messages, "log").filter(({ level }) => level === "warn");
  expect(warnings.map(({ message }) => message)).toEqual([wasm.notice]);
  expect(await readFile(fileOf(ours.end, "log"), "utf8")).toContain(`about ${WASM_SLOWDOWN} times slower than native TensorFlow`);

  const losses = [ours, theirs].map(({ messages }) => ofType(messages, "points").map(({ points }) => points.values["lossTotal"]!));
  expect(losses[0]).toHaveLength(2);
  losses[0]!.forEach((loss, epoch) => expect(Math.abs(loss / losses[1]![epoch]! - 1)).toBeLessThan(0.02)); // packages/venet/src/wasm.test.ts
});

test("stopped within an epoch and gone on with, it ends with the very same bits", async () => {
  const straight = await attempt(wasm, null);
  const stopped = await attempt(wasm, null, 3);
  expect(stopped.end).toMatchObject({ type: "stopped", how: "release" });
  const resumed = await attempt(wasm, stopped.checkpoint);
  for (const role of ["model", "predictions"]) expect(hashOf(resumed.end, role)).toBe(hashOf(straight.end, role));
  expect(finished(resumed.end).resumedFrom).toEqual([]);
});

test("goes on with what native TensorFlow began, and says so", async () => {
  const stopped = await attempt(native, null, 3);
  const resumed = await attempt(wasm, stopped.checkpoint);
  expect(finished(resumed.end).resumedFrom).toEqual([native.fingerprint]);
});
