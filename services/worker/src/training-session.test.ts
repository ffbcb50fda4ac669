import { Worker } from "node:worker_threads";
import type { FromTrainer, TrainerStart } from "@saphena/contracts";
import { expect, test } from "vitest";
import { startSession } from "./training-session.ts";
import { watchTrainingThread } from "./training-thread.ts";
import { scriptedTrainers } from "./worker.case.ts";

test("a trainer that says nothing for too long is killed, and its end says why", async () => {
  const { outcome } = startSession({
    launch: scriptedTrainers(false).launch,
    slot: { name: "cpu-0", device: { kind: "cpu" } },
    start: { threads: 1, outFolder: "nowhere" } as TrainerStart,
    handle: () => Promise.resolve("ok"),
    limits: { cancel: 1_000, release: 1_000, silence: 50 },
  });
  expect(await outcome).toEqual({
    kind: "end",
    reason: "crashed",
    code: "TRAINER_CRASHED",
    message: "the trainer had said nothing for 0.05 s (SAPHENA_STALL_MS) and was killed",
  });
});

/** What the parent hears of a thread that runs this. */
function heardOf(code: string): Promise<FromTrainer[]> {
  const thread = new Worker(`const { parentPort } = require("node:worker_threads"); ${code}`, { eval: true });
  const heard: FromTrainer[] = [];
  return new Promise((resolve) => {
    watchTrainingThread(thread, {
      said: (message) => heard.push(message),
      ended: (last) => heard.push(last),
      failure: (thrown) => ({ type: "failed", code: "TRAINER_CRASHED", message: String(thrown) }),
    });
    thread.on("exit", () => resolve(heard));
  });
}

test("a training thread that ends without a last word has failed, however it ended", async () => {
  const ready = `parentPort.postMessage({ type: "ready" });`;
  for (const [code, message] of [
    [`${ready} process.exit(3)`, /exit code 3/],
    [ready, /exit code 0/],
    [`${ready} throw new Error("boom")`, /boom/],
  ] as const) {
    expect(await heardOf(code)).toEqual([
      { type: "ready" },
      { type: "failed", code: "TRAINER_CRASHED", message: expect.stringMatching(message) as string },
    ]);
  }
  const stopped = { type: "stopped", how: "release", epoch: 1 };
  expect(await heardOf(`parentPort.postMessage(${JSON.stringify(stopped)}); process.exit(1)`)).toEqual([stopped]);
});
