// Removes the models of all but the best trials once a sweep is final (`checkpoints.keepBest`). Required files are never touched.
// Safe to repeat and to run twice at once; a reopened sweep loses nothing by it, since the best of more trials are among the best of fewer or new.
import { runKeys } from "@saphena/contracts";
import type { ObjectStore } from "@saphena/object-store";
import type { IndexDatabase } from "./index-database.ts";
import { ranking, results, sweepRecord, trialRows } from "./queries.ts";

/** The keys of retained files that are not kept, decided from the ranking alone. */
export async function removableModels(index: IndexDatabase, sweep: string): Promise<string[]> {
  const { spec } = await sweepRecord(index, sweep);
  const kept = new Set((await ranking(index, sweep)).slice(0, spec.checkpoints.keepBest).map(({ number }) => number));
  const trials = (await trialRows(index, sweep)).filter(({ number }) => !kept.has(number));
  const all = await Promise.all(trials.map(({ number }) => results(index, sweep, number)));
  return all
    .flat()
    .flatMap((result) =>
      result.files.filter(({ required }) => !required).map(({ name }) => runKeys.attemptFile(result, result.attempt, name)),
    );
}

export async function applyRetention(index: IndexDatabase, store: ObjectStore, sweep: string): Promise<number> {
  const keys = await removableModels(index, sweep);
  for (const key of keys) await store.delete(key);
  // Noted after it was done: an aggregator that dies before does it again.
  await index.write((writer) => writer.run("INSERT INTO models_removed VALUES (?)", [sweep]));
  return keys.length;
}

/** Final sweeps whose retention an earlier process did not get to. */
export async function sweepsToRetain(index: IndexDatabase): Promise<string[]> {
  const rows = await index.query<{ id: string }>(
    "SELECT id FROM sweeps WHERE state IN ('completed', 'failed', 'cancelled') AND id NOT IN (SELECT sweep FROM models_removed) ORDER BY id",
  );
  return rows.map(({ id }) => id);
}
