// One trainer from start to exit: forwards its messages in order, passes stop requests on, and kills it when it does not listen.
import type { FromTrainer, LaunchTrainer, Slot, Trainer, TrainerEvents, TrainerStart } from "@saphena/contracts";
import type { StopHow } from "./active-attempts.ts";
import { decideOutcome } from "./attempt-outcome.ts";
import type { AttemptFacts, AttemptOutcome } from "./attempt-outcome.ts";

/** How long a trainer may go without doing what is expected of it. */
export interface TrainerLimitsMs {
  /** From the stop message to SIGTERM, and from SIGTERM to SIGKILL. */
  cancel: number;
  release: number;
  /** From one message to the next; SIGKILL after it. Far longer than any step, or what is slow would be killed as dead. */
  silence: number;
}

export interface TrainingSession {
  readonly outcome: Promise<AttemptOutcome>;
  stop(how: StopHow): void;
}

/** What the session does with each message, in order, one at a time. A handler that says "abandon" ends the trainer at once. */
export type MessageHandler = (message: FromTrainer) => Promise<"ok" | "abandon">;

export function startSession(parts: {
  launch: LaunchTrainer;
  slot: Slot;
  start: TrainerStart;
  handle: MessageHandler;
  limits: TrainerLimitsMs;
}): TrainingSession {
  const { launch, slot, start, handle, limits } = parts;
  let asked: AttemptFacts["asked"] = "nothing";
  let last: AttemptFacts["last"] = null;
  let silentMs: number | null = null;
  let trainer: Trainer | null = null;
  let handled: Promise<void> = Promise.resolve();
  let handlerError: unknown = null;
  const silence = setTimeout(() => {
    silentMs = limits.silence;
    trainer?.kill("SIGKILL");
  }, limits.silence);
  const timers: NodeJS.Timeout[] = [silence];

  function stop(how: StopHow): void {
    if (asked === how || asked === "abandon" || (asked === "cancel" && how === "release")) return;
    asked = how;
    if (how === "abandon") return trainer?.kill("SIGKILL");
    trainer?.send({ type: "stop", how });
    timers.push(
      setTimeout(() => trainer?.kill("SIGTERM"), limits[how]),
      setTimeout(() => trainer?.kill("SIGKILL"), 2 * limits[how]),
    );
  }

  const outcome = new Promise<AttemptOutcome>((resolve, reject) => {
    const events: TrainerEvents = {
      message(message) {
        silence.refresh();
        if (message.type === "ready") begin();
        if (message.type === "finished" || message.type === "stopped" || message.type === "failed") last = message;
        handled = handled.then(() => (handlerError === null ? run(message) : undefined));
      },
      exit(exit) {
        timers.forEach(clearTimeout);
        // Everything the trainer said is dealt with before its end is judged.
        void handled.then(() => (handlerError === null ? resolve(decideOutcome({ last, exit, silentMs, asked })) : reject(handlerError)));
      },
    };
    try {
      trainer = launch({ threads: start.threads, workFolder: start.outFolder, slot }, events);
    } catch (error) {
      clearTimeout(silence);
      throw error;
    }
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
