// The trainer child as a worker sees it: a real forked process, real training, real signals. Runs the built file: `npm run build`.
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromTrainerSchema, modelSchema, trainSchema } from "@saphena/contracts";
import type { FromTrainer, ManifestRow, ToTrainer, TrainerStart } from "@saphena/contracts";
import { datasetHash, packDataset, sha256 } from "@saphena/dataset";
import { makeTinyDataset, temporaryFolder, until } from "@saphena/testing";
import { afterEach, beforeAll, expect, test, vi } from "vitest";

// Up to three processes one after the other, each of which loads TensorFlow, on a machine that does other things too.
vi.setConfig({ testTimeout: 180_000 });
const TRAINER = fileURLToPath(new URL("../dist/trainer.js", import.meta.url));
const SIDE = 16;
const LABELS = ["mild", "severe"];
let packFolder = "";
let ids: string[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  const { rows, folder } = await makeTinyDataset(await temporaryFolder("trainer-data"), { images: 16, size: SIDE, labels: LABELS });
  const objects = new Map<string, Uint8Array>();
  const store = async (path: string): Promise<ManifestRow["image"]> => {
    const bytes = await readFile(join(folder, path));
    objects.set(sha256(bytes), bytes);
    return { sha256: sha256(bytes), sizeBytes: bytes.length, width: SIDE, height: SIDE, format: "png" };
  };
  const manifest: ManifestRow[] = await Promise.all(
    rows.map(async ({ id, image, mask, label, group }) => ({
      id,
      image: await store(image),
      mask: mask === null ? null : await store(mask),
      label,
      group,
      source: null,
      weight: 1,
    })),
  );
  const meaning = { labels: LABELS, merge: {}, maskClasses: null };
  const pack = await packDataset({
    rows: manifest,
    dataset: { hash: datasetHash(manifest, meaning), labels: LABELS, maskClasses: null },
    readObject: (hash) => Promise.resolve(objects.get(hash)!),
    folder: await temporaryFolder("trainer-packs"),
    inputSize: SIDE,
    resize: "stretch",
  });
  packFolder = pack.folder;
  ids = rows.map(({ id }) => id);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Forked {
  child: ChildProcess;
  messages: FromTrainer[];
  send(message: ToTrainer): void;
  said<T extends FromTrainer["type"]>(type: T): Extract<FromTrainer, { type: T }>[];
  exit: Promise<{ code: number | null; signal: string | null }>;
  stderr(): string;
}

async function forkTrainer(): Promise<Forked> {
  const child = fork(TRAINER, [], { execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
  children.push(child);
  const messages: FromTrainer[] = [];
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (errors += text));
  child.on("message", (raw) => void messages.push(fromTrainerSchema.parse(raw)));
  const exit = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
  const said = <T extends FromTrainer["type"]>(type: T) =>
    messages.filter((message): message is Extract<FromTrainer, { type: T }> => message.type === type);
  const forked = { child, messages, send: (message: ToTrainer) => void child.send(message), said, exit, stderr: () => errors };
  await until(() => said("ready").length === 1, { what: "ready" });
  return forked;
}

async function startMessage(changes: Partial<TrainerStart> = {}, epochs = 3): Promise<TrainerStart> {
  return {
    type: "start",
    run: "swp_000000000000-0-0",
    attempt: 1,
    seed: 5,
    model: modelSchema.parse({ depth: 2, baseFilters: 4, inputSize: SIDE }),
    train: trainSchema.parse({ epochs, batchSize: 4, optimizer: { learningRate: 0.05, momentum: 0.9 } }),
    heads: "both",
    labels: LABELS,
    maskClasses: 2,
    fold: 0,
    split: { repeat: 0, outer: 0, train: ids.slice(4), validation: ids.slice(0, 4) },
    packFolder,
    outFolder: await temporaryFolder("trainer-out"),
    checkpoint: null,
    checkpointEvery: 1,
    threads: 1,
    inputThreads: 1,
    ...changes,
  };
}

/** Trains to the end in a process of its own. */
async function finish(changes: Partial<TrainerStart> = {}, epochs = 3): Promise<Extract<FromTrainer, { type: "finished" }>> {
  const trainer = await forkTrainer();
  trainer.send(await startMessage(changes, epochs));
  expect(await trainer.exit).toEqual({ code: 0, signal: null });
  expect(trainer.messages.at(-1)?.type).toBe("finished");
  return trainer.said("finished")[0]!;
}
const hashes = ({ files }: { files: { role: string; sha256: string }[] }) =>
  Object.fromEntries(files.filter(({ role }) => role === "model" || role === "predictions").map(({ role, sha256: hash }) => [role, hash]));

/** Epochs enough to be met in the middle of them. */
const LONG = 24;
/** Hashes of such a run that nothing disturbed. */
let undisturbed: Promise<{ metrics: unknown; hashes: unknown }> | undefined;
const straight = () =>
  (undisturbed ??= finish({ checkpointEvery: LONG }, LONG).then((end) => ({ metrics: end.metrics, hashes: hashes(end) })));

test("a trainer trains the run it is told to, and ends", async () => {
  const { metrics, files, fingerprint } = await finish();
  expect(metrics["accuracy"]).toEqual(expect.any(Number));
  expect(files.map(({ role }) => role).toSorted()).toEqual(["log", "metrics", "model", "predictions"]);
  for (const file of files) expect(sha256(await readFile(file.path))).toBe(file.sha256);
  expect(fingerprint.threads).toBe(1);
});

test("SIGTERM releases after a checkpoint, SIGINT does nothing, and a fresh process goes on to the very same bits", async () => {
  const first = await forkTrainer();
  first.send(await startMessage({}, LONG));
  await until(() => first.said("points").length >= 2, { what: "two epochs" });
  // Many, because a signal that is handled by the thread that computes does harm only now and then.
  const storm = setInterval(() => first.child.kill("SIGINT"), 1);
  await until(() => first.said("points").length >= 6, { what: "four more epochs" });
  clearInterval(storm);
  first.child.kill("SIGTERM");
  expect(await first.exit).toEqual({ code: 0, signal: null });
  const stopped = first.said("stopped")[0]!;
  expect(stopped.how).toBe("release");
  expect(stopped.epoch).toBeLessThan(LONG);
  const { epoch, file } = first.said("checkpoint").at(-1)!;
  expect(epoch).toBe(stopped.epoch);

  const resumed = await finish({ checkpoint: { path: file.path, sha256: file.sha256, epoch } }, LONG);
  expect({ metrics: resumed.metrics, hashes: hashes(resumed) }).toEqual(await straight());
});

test("after SIGKILL the last checkpoint leads to the very same bits", async () => {
  const killed = await forkTrainer();
  killed.send(await startMessage({}, LONG));
  await until(() => killed.said("checkpoint").length >= 3, { what: "three checkpoints" });
  killed.child.kill("SIGKILL");
  expect(await killed.exit).toEqual({ code: null, signal: "SIGKILL" });
  const { epoch, file } = killed.said("checkpoint").at(-1)!;
  const resumed = await finish({ checkpoint: { path: file.path, sha256: file.sha256, epoch } }, LONG);
  expect({ metrics: resumed.metrics, hashes: hashes(resumed) }).toEqual(await straight());
});

test("a cancel ends it at once, without a checkpoint", async () => {
  const trainer = await forkTrainer();
  trainer.send(await startMessage({ checkpointEvery: LONG }, LONG));
  await until(() => trainer.said("points").length >= 1, { what: "an epoch" });
  trainer.send({ type: "stop", how: "cancel" });
  expect(await trainer.exit).toEqual({ code: 0, signal: null });
  expect(trainer.messages.at(-1)).toMatchObject({ type: "stopped", how: "cancel" });
  expect(trainer.said("checkpoint")).toEqual([]);
});

test("it can be stopped before it was started", async () => {
  const [told, signalled] = [await forkTrainer(), await forkTrainer()];
  told.send({ type: "stop", how: "cancel" });
  signalled.child.kill("SIGTERM");
  expect(await told.exit).toEqual({ code: 0, signal: null });
  expect(await signalled.exit).toEqual({ code: 0, signal: null });
  expect(told.messages.at(-1)).toEqual({ type: "stopped", how: "cancel", epoch: 0 });
  expect(signalled.messages.at(-1)).toEqual({ type: "stopped", how: "release", epoch: 0 });
});

test("it ends itself when its parent lets go of it", async () => {
  const trainer = await forkTrainer();
  trainer.send(await startMessage({}, 1000));
  await until(() => trainer.said("points").length >= 1, { what: "an epoch" });
  trainer.child.disconnect();
  expect(await trainer.exit).toEqual({ code: 1, signal: null });
});

test.each([
  ["a split that leaks", "SPLIT_LEAK", { split: { repeat: 0, outer: 0, train: ["img-0001", "img-0002"], validation: ["img-0001"] } }],
  ["a pack that is not there", "OBJECT_NOT_FOUND", { packFolder: "nowhere" }],
])("%s fails with its code", async (_, code, changes) => {
  const trainer = await forkTrainer();
  trainer.send(await startMessage(changes));
  expect(await trainer.exit).toEqual({ code: 1, signal: null });
  expect(trainer.messages.at(-1)).toMatchObject({ type: "failed", code });
});

test("a message it does not know fails it", async () => {
  const trainer = await forkTrainer();
  trainer.child.send({ type: "dance" });
  expect(await trainer.exit).toEqual({ code: 1, signal: null });
  expect(trainer.messages.at(-1)).toMatchObject({ type: "failed", code: "INTERNAL" });
});
