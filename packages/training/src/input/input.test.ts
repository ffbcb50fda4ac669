// Batches made by other threads, which run the built file: `npm run build`.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { resolveAugmentation, trainSchema } from "@saphena/contracts";
import type { BatchRequest, Pack } from "@saphena/dataset";
import { afterEach, describe, expect, it } from "vitest";
import { discPack } from "../discs.case.ts";
import { epochStart } from "../position.ts";
import { openInput } from "./input.ts";
import type { Input } from "./input.ts";
import { requestsFrom, trainingBatches, validationBatches } from "./requests.ts";

const pack: Pack = discPack({ labels: ["mild", "severe"], withoutMask: (index) => index % 5 === 0 });
const statistics = { mean: [60, 61, 62], sd: [40, 41, 42] };
const fold = { train: Int32Array.from({ length: 18 }, (_, i) => i), validation: Int32Array.from({ length: 6 }, (_, i) => 18 + i) };
const planOf = (train: Record<string, unknown> = {}) => ({
  start: { seed: 9, train: trainSchema.parse({ epochs: 3, batchSize: 4, ...train }) },
  pack,
  fold,
});

const opened: Input[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((input) => input.close()));
});
function open(threads: number, requests: Iterable<BatchRequest>): Input {
  const input = openInput({
    source: pack,
    requests,
    batchSize: 4,
    threads,
    seed: 9,
    augment: resolveAugmentation("default"),
    statistics,
  });
  opened.push(input);
  return input;
}

describe("the batches of a run", () => {
  it("are each epoch's training batches and then its validation batches, from any position", () => {
    const plan = planOf();
    const all = [...requestsFrom(epochStart(0), plan)];
    expect(all.map(({ epoch }) => epoch)).toEqual([1, 2, 3].flatMap((epoch) => [...Array<number>(5).fill(epoch), null, null]));
    expect(all.slice(7, 12).map(({ indices }) => indices)).toEqual(trainingBatches(plan, 2));
    expect(all.slice(12, 14).map(({ indices }) => indices)).toEqual(validationBatches(plan));
    expect([...requestsFrom({ ...epochStart(1), step: 2 }, plan)]).toEqual(all.slice(9));
    expect([...requestsFrom({ ...epochStart(1), step: 5 }, plan)]).toEqual(all.slice(12));
  });

  it("count how often an image came before, where sampling repeats it", () => {
    const [first] = [...requestsFrom(epochStart(0), planOf())];
    expect(first!.repeats).toBeNull();
    const lopsided = { ...planOf({ sampling: "balanced" }), pack: { labels: Int32Array.from(pack.labels, (_, i) => (i === 0 ? 1 : 0)) } };
    const epoch = [...requestsFrom(epochStart(0), lopsided)].filter((request) => request.epoch === 1);
    const ofRareOne = epoch.flatMap(({ indices, repeats }) => [...indices].flatMap((index, at) => (index === 0 ? [repeats![at]!] : [])));
    expect(ofRareOne).toEqual(Array.from({ length: 9 }, (_, i) => i));
  });

  it("are the same for any number of threads, to the last bit", async () => {
    const plan = planOf({ sampling: "balanced" });
    const batchesOf = async (threads: number): Promise<unknown[]> => {
      const input = open(threads, requestsFrom(epochStart(0), plan));
      const batches: unknown[] = [];
      for (let i = 0; i < 21; i++) batches.push(structuredClone(plain(await input.next())));
      await expect(input.next()).rejects.toThrow("all batches have been taken");
      return batches;
    };
    const own = await batchesOf(0);
    expect(own.length).toBe(21);
    for (const threads of [1, 2, 3]) expect(await batchesOf(threads)).toEqual(own);
  });
});

/** Ordinary arrays: equality of shared ones would not look into them. */
const plain = (batch: Awaited<ReturnType<Input["next"]>>): Record<string, unknown> => ({
  ...batch,
  images: Float32Array.from(batch.images),
  masks: Uint8Array.from(batch.masks),
  hasMask: Uint8Array.from(batch.hasMask),
  labels: Int32Array.from(batch.labels),
  weights: Float32Array.from(batch.weights),
});

describe("a thread that fills batches", () => {
  /** More images than a batch has room for. */
  const impossible: BatchRequest = { indices: new Int32Array(500), epoch: 1, repeats: null };
  const possible: BatchRequest = { indices: Int32Array.of(1, 2), epoch: 1, repeats: null };

  it("passes what it throws to whoever waits for its batch, now and ever after", async () => {
    const input = open(1, [possible, impossible, possible]);
    await expect(input.next().then(() => input.next())).rejects.toThrow(RangeError);
    await expect(input.next()).rejects.toThrow(RangeError);
  });

  it("fails the run even while another thread's batches are there to be taken", async () => {
    const input = open(2, [impossible, ...Array.from({ length: 50 }, () => possible)]);
    await expect(input.next()).rejects.toThrow(RangeError);
  });

  it("leaves nobody waiting when the input is closed", async () => {
    const input = open(1, [possible]);
    const pending = input.next();
    await Promise.all([expect(pending).rejects.toThrow("closed"), input.close()]);
    await expect(input.next()).rejects.toThrow("closed");
  });

  it("does not outlive its input: the process ends by itself, also when threads were at work or failed", async () => {
    const script = `
      const { openInput } = await import(${JSON.stringify(new URL("../../dist/input/input.js", import.meta.url).href)});
      const pixels = new Uint8Array(8 * 256 * 3);
      const source = { inputSize: 16, images: pixels, masks: new Uint8Array(8 * 256), hasMask: new Uint8Array(8), labels: new Int32Array(8), weights: new Float32Array(8) };
      const options = { seed: 1, augment: ${JSON.stringify(resolveAugmentation("default"))}, statistics: { mean: [0, 0, 0], sd: [1, 1, 1] } };
      const request = (size) => ({ indices: new Int32Array(size), epoch: 1, repeats: null });
      const busy = openInput({ source, requests: Array(9).fill(request(8)), batchSize: 8, threads: 2, ...options });
      await busy.next();
      await busy.close();
      const failing = openInput({ source, requests: [request(9999)], batchSize: 8, threads: 1, ...options });
      const failed = await failing.next().then(() => "no", () => "yes");
      await failing.close();
      console.log("failed: " + failed);
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
    expect(stdout).toBe("failed: yes\n");
  });
});
