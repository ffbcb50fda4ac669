// Writes a batch of rows into the index. Final is final: a replayed or older event never takes back a result.
import type { IndexWriter } from "./index-database.ts";
import type { IndexRows } from "./rows-from-events.ts";

const FINAL = "('completed', 'pruned', 'failed', 'cancelled')";

export async function mergeRows(writer: IndexWriter, rows: IndexRows): Promise<void> {
  if (rows.sweeps.length > 0) {
    await writer.stage("sweeps", rows.sweeps);
    await writer.run("INSERT INTO sweeps SELECT * FROM staging_sweeps AS s WHERE NOT EXISTS (SELECT 1 FROM sweeps AS t WHERE t.id = s.id)");
  }
  for (const { sweep, state, reason } of rows.sweepStates) {
    // A finished sweep may be reopened by more trials, so here the newest event holds.
    await writer.run("UPDATE sweeps SET state = ?, reason = ? WHERE id = ?", [state, reason, sweep]);
  }
  if (rows.trials.length > 0) {
    await writer.stage("trials", rows.trials);
    await writer.run(
      "INSERT INTO trials SELECT * FROM staging_trials AS s WHERE NOT EXISTS (SELECT 1 FROM trials AS t WHERE t.sweep = s.sweep AND t.number = s.number)",
    );
  }
  if (rows.trialStates.length > 0) {
    await writer.stage(
      "trials",
      rows.trialStates.map(({ sweep, trial, state, reason, value }) => ({
        sweep,
        number: trial,
        state,
        reason,
        value,
        folds: 0,
        parameters: "",
        retry_of: null,
      })),
    );
    await writer.run(`UPDATE trials AS t SET state = s.state, reason = s.reason, value = s.value FROM staging_trials AS s
      WHERE t.sweep = s.sweep AND t.number = s.number AND t.state NOT IN ${FINAL}`);
  }
  if (rows.runs.length > 0) {
    await writer.stage("runs", rows.runs);
    const same = "t.sweep = s.sweep AND t.trial = s.trial AND t.fold = s.fold";
    await writer.run(`DELETE FROM staging_runs AS s WHERE EXISTS (SELECT 1 FROM runs AS t WHERE ${same} AND t.state IN ${FINAL})`);
    await writer.run(`DELETE FROM runs AS t USING staging_runs AS s WHERE ${same}`);
    await writer.run("INSERT INTO runs SELECT * FROM staging_runs");
  }
  if (rows.points.length > 0) {
    await writer.stage("points", rows.points);
    await writer.run(
      "INSERT INTO points SELECT * FROM staging_points AS s WHERE NOT EXISTS (SELECT 1 FROM curves_loaded AS t WHERE t.sweep = s.sweep AND t.trial = s.trial AND t.fold = s.fold)",
    );
  }
}
