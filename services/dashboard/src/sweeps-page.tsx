// All sweeps, newest first.
import type { SweepStatus } from "@saphena/contracts";
import type { VNode } from "preact";
import { api } from "./api.ts";
import { score, time } from "./format.ts";
import { Problem, StateBadge } from "./notices.tsx";
import { useLoaded, useTick } from "./use-loaded.ts";

const REFRESH_MS = 3_000;

export function SweepsPage(): VNode {
  const { value: sweeps, error } = useLoaded(() => api().sweeps(), String(useTick(REFRESH_MS)));
  return (
    <>
      <h1>Sweeps</h1>
      {error !== null && <Problem error={error} />}
      {sweeps === null ? error === null && <p>Loading…</p> : sweeps.length === 0 ? <Empty /> : <SweepTable sweeps={sweeps} />}
    </>
  );
}

function Empty(): VNode {
  return (
    <p>
      No sweep yet. Submit one with <code>npx --no-install saphena submit sweep.yaml --watch</code>.
    </p>
  );
}

function SweepTable({ sweeps }: { sweeps: readonly SweepStatus[] }): VNode {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>Name</th>
            <th>Id</th>
            <th>State</th>
            <th>Dataset</th>
            <th class="number">Trials</th>
            <th class="number">Failed</th>
            <th class="number">Folds</th>
            <th class="number">Best</th>
            <th>Submitted</th>
          </tr>
        </thead>
        <tbody>
          {sweeps.map((sweep) => (
            <tr key={sweep.id}>
              <td>
                <a href={`#/sweeps/${sweep.id}`}>{sweep.name}</a>
              </td>
              <td>
                <code>{sweep.id}</code>
              </td>
              <td>
                <StateBadge state={sweep.stopping === null ? sweep.state : "stopping"} />
              </td>
              <td>{sweep.dataset}</td>
              <td class="number">
                {sweep.trials.completed} / {sweep.trials.budget}
              </td>
              <td class="number">{sweep.trials.failed}</td>
              <td class="number">{sweep.folds}</td>
              <td class="number">{sweep.best === null ? "–" : `${score(sweep.best.value)} (${sweep.objective.metric})`}</td>
              <td>{time(sweep.submittedAtMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
