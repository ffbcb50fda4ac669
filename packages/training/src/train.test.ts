// What a training does and leaves, with data of every kind.
import { readFile } from "node:fs/promises";
import { SCHEMA_VERSION } from "@saphena/contracts";
import { decodeRuns } from "@saphena/dataset";
import { describe, expect, test } from "vitest";
import { discPack } from "./discs.case.ts";
import { readTensors } from "./index.ts";
import { LABELS, engine, fileOf, finished, hashOf, ofType, parquetRows, run } from "./training.case.ts";

describe("a training", () => {
  test("learns, reports every epoch, and leaves files that agree with what it said", async () => {
    const pack = discPack({ labels: LABELS, images: 32 });
    const { end, messages, start } = await run({ pack, train: { epochs: 6, optimizer: { learningRate: 0.1, momentum: 0.9 } } });
    const { metrics, files, fingerprint } = finished(end);

    expect(messages[0]).toEqual({ type: "started", fingerprint, parameterCount: expect.any(Number), firstEpoch: 1, resumedFrom: [] });
    const points = ofType(messages, "points").map((message) => message.points);
    expect(points.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Object.keys(points[0]!.values)).toEqual([
      "lossTotal",
      "lossClassification",
      "lossSegmentation",
      "accuracy",
      "dice",
      "score",
      "learningRate",
      "imagesPerSecond",
    ]);
    expect(points[5]!.values["lossTotal"]).toBeLessThan(0.7 * points[0]!.values["lossTotal"]!);
    expect(points[5]!.values["dice"]).toBeGreaterThan(0.5);
    expect(ofType(messages, "progress").at(-1)).toMatchObject({ epoch: 6, epochs: 6, step: 6, steps: 6 });
    expect(ofType(messages, "checkpoint").map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5]);

    // Files
    expect(files.map(({ role }) => role)).toEqual(["metrics", "predictions", "model", "log"]);
    const rows = await parquetRows(fileOf(end, "metrics"));
    expect(rows).toEqual(points.flatMap(({ epoch, values }) => Object.entries(values).map(([name, value]) => ({ epoch, name, value }))));
    const log = (await readFile(fileOf(end, "log"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { message: string });
    expect(log.map(({ message }) => message)).toEqual(ofType(messages, "log").map(({ message }) => message));

    // The final metrics are those of the last epoch, and follow from the stored predictions.
    expect(metrics).toMatchObject({
      accuracy: points[5]!.values["accuracy"],
      dice: points[5]!.values["dice"],
      score: points[5]!.values["score"],
    });
    expect(metrics).toMatchObject({ validationImages: 8, imagesWithLabel: 8, imagesWithMask: 8, diceSkipped: 0 });
    const predictions = await parquetRows(fileOf(end, "predictions"));
    expect(predictions.map((row) => row["id"])).toEqual(start.split.validation);
    expect(predictions.filter((row) => row["truth"] === row["predicted"]).length / 8).toBe(metrics["accuracy"]);
    const dices = predictions.map((row) => {
      const [[tp], [fp], [fn]] = [row["tp"], row["fp"], row["fn"]] as [[number], [number], [number]];
      const mask = decodeRuns(row["mask"] as string, 256);
      expect(mask.filter((pixel) => pixel === 1).length).toBe(tp + fp);
      return (2 * tp) / (2 * tp + fp + fn);
    });
    expect(dices.reduce((sum, value) => sum + value, 0) / 8).toBeCloseTo(metrics["dice"]!, 12);
    expect(predictions[0]).toMatchObject({ group: "g-0", fold: 3, truth: "mild" });
    const probabilities = predictions[0]!["probabilities"] as number[];
    expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
  });

  test("the model file holds the weights and all that is needed to use them", async () => {
    const { end, start } = await run();
    const { metadata, tensors } = await readTensors(fileOf(end, "model"), hashOf(end, "model"));
    expect([...tensors.keys()].every((name) => name.startsWith("model."))).toBe(true);
    expect(tensors.get("model.encoder.0.0.kernel")?.shape).toEqual([3, 3, 3, 4]);
    expect(JSON.parse(metadata["saphena"]!)).toMatchObject({
      schemaVersion: SCHEMA_VERSION,
      labels: LABELS,
      maskClasses: 2,
      model: start.model,
      statistics: { mean: expect.any(Array), sd: expect.any(Array) },
      metrics: finished(end).metrics,
      fingerprint: engine.fingerprint,
    });
  });

  test("gives the same model, predictions and metrics again, and others with another seed", async () => {
    const [first, second, other] = [await run(), await run(), await run({ start: { seed: 12 } })];
    expect(hashOf(second.end, "model")).toBe(hashOf(first.end, "model"));
    expect(hashOf(second.end, "predictions")).toBe(hashOf(first.end, "predictions"));
    expect(finished(second.end).metrics).toEqual(finished(first.end).metrics);
    expect(hashOf(other.end, "model")).not.toBe(hashOf(first.end, "model"));
  });

  test("leaves no tensors behind", async () => {
    await run();
    const before = engine.memory().tensors;
    await run();
    expect(engine.memory().tensors).toBe(before);
  });
});

describe("data that lacks something", () => {
  test("without labels there is no class head, and accuracy is null", async () => {
    const { end, messages } = await run({ pack: discPack({ labels: [] }) });
    expect(finished(end).metrics).toMatchObject({ accuracy: null, score: null, kappa: null, imagesWithLabel: 0, dice: expect.any(Number) });
    expect(Object.keys(ofType(messages, "points")[0]!.points.values)).not.toContain("lossClassification");
    const [row] = await parquetRows(fileOf(end, "predictions"));
    expect(row).toMatchObject({ truth: null, predicted: null, mask: expect.any(String) });
    expect(row!["probabilities"] ?? null).toBeNull();
  });

  test("without masks there is no decoder, and dice is null", async () => {
    const { end, messages } = await run({ pack: discPack({ labels: LABELS, maskKinds: 0 }) });
    expect(finished(end).metrics).toMatchObject({ dice: null, score: null, imagesWithMask: 0, accuracy: expect.any(Number) });
    expect(Object.keys(ofType(messages, "points")[0]!.points.values)).not.toContain("lossSegmentation");
    const [row] = await parquetRows(fileOf(end, "predictions"));
    expect(row).toMatchObject({ mask: null, predicted: expect.any(String) });
    expect(row!["tp"] ?? null).toBeNull();
  });

  test("missing masks and labels count nowhere, and are told from empty ones", async () => {
    const pack = discPack({ labels: LABELS, withoutMask: (i) => i % 8 === 0, withoutLabel: (i) => i % 8 === 4, blank: (i) => i === 4 });
    const { end } = await run({ pack, train: { epochs: 8 } });
    expect(finished(end).metrics).toMatchObject({ validationImages: 6, imagesWithMask: 3, imagesWithLabel: 3 });
    const predictions = await parquetRows(fileOf(end, "predictions"));
    expect(predictions.map((row) => (row["tp"] ?? null) === null)).toEqual([true, false, true, false, true, false]);
    expect(predictions.map((row) => row["truth"] === null)).toEqual([false, true, false, true, false, true]);
    const { diceSkipped, falseAlarms } = finished(end).metrics;
    expect(diceSkipped! + falseAlarms!).toBe(1); // the blank one
  });

  test("several mask classes train, and their counts are stored for each", async () => {
    const { end } = await run({ pack: discPack({ labels: LABELS, maskKinds: 2 }) });
    const predictions = await parquetRows(fileOf(end, "predictions"));
    expect(predictions.every((row) => (row["tp"] as number[]).length === 2)).toBe(true);
  });

  test("one head alone can be asked for", async () => {
    const { end } = await run({ start: { heads: "classification" } });
    expect(finished(end).metrics).toMatchObject({ dice: null, accuracy: expect.any(Number) });
  });
});

test("masks that vanished when the dataset was packed are named in the log, and where it is kept", async () => {
  const emptied = { ...discPack({ labels: LABELS }), emptiedMasks: ["img-003", "img-007"] };
  const { end, messages } = await run({ pack: emptied, train: { epochs: 1 } });
  const said =
    "2 masks have no foreground left at 16 px, which is taken for no lesion: img-003, img-007; a larger model.inputSize keeps small lesions";
  expect(ofType(messages, "log")).toContainEqual({ type: "log", level: "warn", message: said });
  expect(await readFile(fileOf(end, "log"), "utf8")).toContain(said);
});

describe("a training refuses", () => {
  test("a split that leaks", async () => {
    const leaking = { repeat: 0, outer: 0, train: ["img-001", "img-002"], validation: ["img-002"] };
    await expect(run({ start: { split: leaking } })).rejects.toMatchObject({ code: "SPLIT_LEAK" });
  });

  test("a pack that is not the run's", async () => {
    await expect(run({ start: { labels: ["severe", "mild"] } })).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("to go on when the loss is not finite", async () => {
    const unstable = {
      optimizer: { learningRate: 100, momentum: 0.99 },
      loss: { classWeight: 1000, segmentationWeight: 1000 },
      epochs: 20,
    };
    await expect(run({ train: unstable })).rejects.toThrow(/the loss is not a finite number any more: in epoch \d+, step \d+$/);
  });
});
