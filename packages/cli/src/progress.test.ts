import type { SweepStatus, WorkerStatus } from "@saphena/contracts";
import { describe, expect, it } from "vitest";
import { activeSlots, progressKey, progressLine, progressScreen } from "./progress.ts";

const status: SweepStatus = {
  id: "swp_000000000000",
  name: "tones",
  state: "running",
  stopping: null,
  reason: null,
  dataset: "tones@1",
  objective: { metric: "dice", goal: "maximize" },
  folds: 3,
  submittedAtMs: 1,
  finishedAtMs: null,
  trials: { budget: 4, created: 2, completed: 1, pruned: 0, failed: 1, cancelled: 0 },
  runs: { total: 6, queued: 2, running: 1, final: 3 },
  etaSeconds: 754,
  best: { trial: 0, value: 0.81234 },
};
const worker = (id: string, run: string, imagesPerSecond: number | null): WorkerStatus => ({
  id,
  pool: "default",
  host: "here",
  pid: 1,
  slots: 1,
  lastSeenMs: 1,
  devices: [],
  running: [{ run, attempt: 1, epoch: 3, epochs: 20, imagesPerSecond }],
});
const slots = activeSlots(status.id, [
  worker("b", "swp_000000000000-1-2", 50),
  worker("a", "swp_000000000000-1-0", 52),
  worker("c", "swp_111111111111-0-0", 99),
]);

describe("watching", () => {
  it("counts runs against the whole budget and leaves other sweeps' slots out", () => {
    expect(progressLine(status, slots)).toBe(
      "swp_000000000000 running: 3/12 runs done, about 13 min left, best dice 0.8123 (trial 0), 1 trial failed, 51.0 images/s a slot on 2 slots",
    );
  });

  it("draws a bar and one line a slot", () => {
    expect(progressScreen(status, slots)).toEqual([
      "swp_000000000000  tones  running, about 13 min left",
      "██████░░░░░░░░░░░░░░░░░░  3/12 runs",
      "trials 1/4 completed, 1 failed, best dice 0.8123 (trial 0)",
      "  trial 1 fold 0  epoch 4/20  52.0 images/s  a",
      "  trial 1 fold 2  epoch 4/20  50.0 images/s  b",
    ]);
  });

  it("shows no slot once the sweep is final, though its worker has not said so yet", () => {
    expect(progressScreen({ ...status, state: "completed" }, slots)).toHaveLength(3);
  });

  it("prints a new line for progress, not for the clock", () => {
    expect(progressKey({ ...status, etaSeconds: 1 })).toBe(progressKey(status));
    expect(progressKey({ ...status, runs: { ...status.runs, final: 4 } })).not.toBe(progressKey(status));
  });
});
