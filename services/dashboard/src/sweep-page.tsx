// One sweep: how far it is, its leaderboard with fold values, and its curves while they grow.
import type { SweepStatus, WorkerStatus } from "@saphena/contracts";
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { CurveChart } from "./curve-chart.tsx";
import { duration, score, time } from "./format.ts";
import { Leaderboard } from "./leaderboard.tsx";
import { Problem, StateBadge } from "./notices.tsx";
import { useSweepLive } from "./sweep-live.ts";

/** What the trainer reports each epoch (training's point names), with the words a reader knows. */
const CURVES: Record<string, string> = {
  lossTotal: "loss, total",
  lossClassification: "loss, classification",
  lossSegmentation: "loss, segmentation",
  dice: "Dice (validation)",
  accuracy: "accuracy (validation)",
  score: "score (validation)",
  learningRate: "learning rate",
  imagesPerSecond: "images per second",
};

export function SweepPage({ id }: { id: string }): VNode {
  const [name, setName] = useState("lossTotal");
  const { status, trials, workers, curves, error } = useSweepLive(id, name);
  return (
    <>
      {error !== null && <Problem error={error} />}
      {status !== null && <Summary status={status} workers={workers} />}
      {status !== null && (
        <>
          <h2>Leaderboard</h2>
          {trials !== null && <Leaderboard trials={trials} objective={status.objective} folds={status.folds} />}
          <h2>
            Curves{" "}
            <select aria-label="Curve" value={name} onChange={(event) => setName(event.currentTarget.value)}>
              {Object.entries(CURVES).map(([key, label]) => (
                <option key={key} value={key}>
                  {label}
                </option>
              ))}
            </select>
          </h2>
          <CurveChart curves={curves} label={CURVES[name] ?? name} />
        </>
      )}
    </>
  );
}

/** Ends of a trial that are worth a word only where they occur. */
const OTHER_ENDS = ["failed", "pruned", "cancelled"] as const;

function Summary({ status, workers }: { status: SweepStatus; workers: readonly WorkerStatus[] }): VNode {
  const { trials, runs } = status;
  const share = runs.total === 0 ? 0 : runs.final / runs.total;
  return (
    <section>
      <h1>
        {status.name} <StateBadge state={status.stopping === null ? status.state : "stopping"} />
      </h1>
      <p class="facts">
        <code>{status.id}</code> · dataset {status.dataset} · {status.folds === 1 ? "one hold-out" : `${status.folds} folds`} ·{" "}
        {status.objective.goal} {status.objective.metric} · submitted {time(status.submittedAtMs)}
      </p>
      {status.reason !== null && <p class="problem">{status.reason}</p>}
      <div class="progress" role="progressbar" aria-valuenow={Math.round(share * 100)} aria-valuemin={0} aria-valuemax={100}>
        <div style={{ width: `${share * 100}%` }} />
      </div>
      <p class="facts">
        {runs.final} of {runs.total} runs done, {runs.running} running · {trials.completed} of {trials.budget} trials completed
        {OTHER_ENDS.filter((state) => trials[state] > 0).map((state) => `, ${trials[state]} ${state}`)}
        {status.etaSeconds !== null && runs.final < runs.total && ` · about ${duration(status.etaSeconds)} left`}
        {status.best !== null && ` · best ${score(status.best.value)} (trial ${status.best.trial})`}
      </p>
      {runs.running > 0 && <Slots id={status.id} workers={workers} />}
    </section>
  );
}

function Slots({ id, workers }: { id: string; workers: readonly WorkerStatus[] }): VNode {
  const busy = workers.flatMap((worker) =>
    worker.running.filter(({ run }) => run.startsWith(`${id}-`)).map((run) => ({ worker: worker.id, ...run })),
  );
  return (
    <ul class="slots">
      {busy.map(({ worker, run, epoch, epochs, imagesPerSecond }) => (
        <li key={run}>
          trial {run.slice(id.length + 1).replace("-", ", fold ")} on {worker}: epoch {epoch} of {epochs}
          {imagesPerSecond !== null && `, ${imagesPerSecond.toFixed(0)} images/s`}
        </li>
      ))}
    </ul>
  );
}
