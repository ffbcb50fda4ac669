// One trainer from start to exit: forwards its messages in order, passes stop requests on, and kills it when it does not listen.
import type { FromTrainer, LaunchTrainer, Trainer, TrainerStart } from "@saphena/contracts";
import { decideOutcome } from "./attempt-outcome.ts";
import type { AttemptFacts, AttemptOutcome } from "./attempt-outcome.ts";

export interface StopGraceMs {
  /** From the stop message to SIGTERM, and from SIGTERM to SIGKILL. */
  cancel: number;
  release: number;
}

export interface TrainingSession {
  readonly outcome: Promise<AttemptOutcome>;
  stop(how: "cancel" | "release" | "abandon"): void;
}

/** What the session does with each message, in order, one at a time. A handler that says "abandon" ends the trainer at once. */
export type MessageHandler = (message: FromTrainer) => Promise<"ok" | "abandon">;

export function startSession(parts: {
  launch: LaunchTrainer;
  start: TrainerStart;
  handle: MessageHandler;
  grace: StopGraceMs;
}): TrainingSession {
  const { launch, start, handle, grace } = parts;
  let asked: AttemptFacts["asked"] = "nothing";
  let last: AttemptFacts["last"] = null;
  let trainer: Trainer | null = null;
  let handled: Promise<void> = Promise.resolve();
  let handlerError: unknown = null;
  const timers: NodeJS.Timeout[] = [];

  function stop(how: "cancel" | "release" | "abandon"): void {
    if (asked === how || asked === "abandon" || (asked === "cancel" && how === "release")) return;
    asked = how;
    if (how === "abandon") return trainer?.kill("SIGKILL");
    trainer?.send({ type: "stop", how });
    timers.push(
      setTimeout(() => trainer?.kill("SIGTERM"), grace[how]),
      setTimeout(() => trainer?.kill("SIGKILL"), 2 * grace[how]),
    );
  }

  const outcome = new Promise<AttemptOutcome>((resolve, reject) => {
    trainer = launch(
      { threads: start.threads, workFolder: start.outFolder },
      {
        message(message) {
          if (message.type === "ready") begin();
          if (message.type === "finished" || message.type === "stopped" || message.type === "failed") last = message;
          handled = handled.then(() => (handlerError === null ? run(message) : undefined));
        },
        exit(exit) {
          timers.forEach(clearTimeout);
          // Everything the trainer said is dealt with before its end is judged.
          void handled.then(() => (handlerError === null ? resolve(decideOutcome({ last, exit, asked })) : reject(handlerError)));
        },
      },
    );
  });

  /** Nothing is lost by killing a trainer that was told to stop before it started. */
  function begin(): void {
    if (asked === "nothing") trainer?.send(start);
    else trainer?.kill("SIGKILL");
  }

  async function run(message: FromTrainer): Promise<void> {
    try {
      if ((await handle(message)) === "abandon") stop("abandon");
    } catch (error) {
      handlerError = error;
      trainer?.kill("SIGKILL");
    }
  }

  return { outcome, stop };
}
