// The index is disposable: whatever it answers about finished runs it answers again after it was made anew from the object store.
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { calmTable, importTiny } from "../system/leaderboard.ts";
import { saphenaDone } from "../system/saphena.ts";
import { startSystem } from "../system/system.ts";
import type { System } from "../system/system.ts";

let system: System;
let sweep: string;
beforeAll(async () => {
  system = await startSystem({ workers: 2, slots: 1 });
  await importTiny(system.env);
  await calmTable(system);
  sweep = (await system.client.sweeps())[0]!.id;
});
afterAll(() => system.stop());

async function answers(): Promise<string> {
  const { client } = system;
  const curves = await Promise.all(["lossTotal", "dice", "accuracy"].map((name) => client.curves(sweep, name)));
  return JSON.stringify([await client.trials(sweep), await client.best(sweep), curves]);
}

describe("the index", () => {
  it("answers byte for byte the same after `saphena index rebuild`", async () => {
    const before = await answers();
    expect(JSON.parse(before)[2][0]).toHaveLength(6); // a curve for each of the six runs
    await saphenaDone(["index", "rebuild"], { env: system.env });
    expect(await answers()).toBe(before);
  });

  it("is rebuilt by itself when its file is gone", async () => {
    const before = await answers();
    await system.aggregator.end("SIGTERM");
    await rm(system.env["SAPHENA_INDEX"]!);
    await rm(`${system.env["SAPHENA_INDEX"]}.wal`, { force: true });
    await system.startAggregator();
    await system.ready();
    expect(await answers()).toBe(before);
  });

  it("keeps the models of the best trial only, and every required file", async () => {
    const best = (await system.client.best(sweep))!;
    const { openStore } = await import("@saphena/object-store");
    const store = await openStore(system.storeUrl);
    const names: string[] = [];
    for await (const { key } of store.list(`sweeps/${sweep}/trials/`)) names.push(key);
    await store.close();
    const models = names.filter((name) => name.endsWith("model.safetensors"));
    expect(models).toHaveLength(3);
    for (const model of models) expect(model).toContain(`/trials/${best.trial.number}/`);
    for (const file of ["metrics.parquet", "predictions.parquet", "log.jsonl", "result.json"])
      expect(
        names.filter((name) => name.endsWith(file)),
        file,
      ).toHaveLength(6);
    expect(names.filter((name) => name.includes("checkpoint-"))).toEqual([]);
  });
});
