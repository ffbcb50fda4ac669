// A trainer that trains nothing, in-process: reports the points it is told to, then finishes without files. For benchmarks and
// tests of everything around training; production code never sees it.
import type { FromTrainer, LaunchTrainer, TrainerStart } from "@saphena/contracts";

export interface NoOpTrainerOptions {
  /** Epochs reported, one point message each. */
  epochs: number;
  /** The value of every metric at an epoch. The default depends on seed and epoch only, as training does. */
  score?: (start: TrainerStart, epoch: number) => number;
}

const FINGERPRINT = { engine: "no-op", tensorflowVersion: "none", deviceKind: "none", instructionSet: "none", threads: 1 };

export function noOpTrainerLauncher({
  epochs,
  score = (start, epoch) => (start.seed % 1000) / 1000 + epoch / 1000,
}: NoOpTrainerOptions): LaunchTrainer {
  return (_options, events) => {
    let ended = false;
    const say = (message: FromTrainer): void => events.message(message);
    const exit = (signal: string | null): void => {
      if (ended) return;
      ended = true;
      events.exit({ code: signal === null ? 0 : null, signal, stderrTail: "" });
    };
    const train = (start: TrainerStart): void => {
      say({ type: "started", fingerprint: FINGERPRINT, parameterCount: 1, firstEpoch: 1, resumedFrom: [] });
      for (let epoch = 1; epoch <= epochs; epoch++) say({ type: "points", points: { epoch, values: { score: score(start, epoch) } } });
      const value = score(start, epochs);
      say({
        type: "finished",
        epochs,
        metrics: { accuracy: value, dice: value, score: value },
        files: [],
        trainSeconds: 0,
        imagesPerSecond: null,
        fingerprint: FINGERPRINT,
        resumedFrom: [],
      });
      exit(null);
    };
    setImmediate(() => say({ type: "ready" }));
    return {
      send: (message) => {
        if (message.type === "start") setImmediate(() => !ended && train(message));
        else {
          say({ type: "stopped", how: message.how, epoch: 0 });
          exit(null);
        }
      },
      kill: (signal) => exit(signal),
    };
  };
}
