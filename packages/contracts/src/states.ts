// The states of sweeps, trials and runs, spelt once, with the legal moves as data. Lua refuses every other move.

export const STATES = ["queued", "running", "paused", "completed", "pruned", "failed", "cancelled"] as const;
export type State = (typeof STATES)[number];
export const FINAL_STATES = ["completed", "pruned", "failed", "cancelled"] as const;
export type FinalState = (typeof FINAL_STATES)[number];

export function isFinal(state: State): state is FinalState {
  return (FINAL_STATES as readonly State[]).includes(state);
}

type Moves = Readonly<Record<State, readonly State[]>>;
const none: readonly State[] = [];

/** A sweep that is being cancelled or has failed keeps its state (with `stopping` set) until its last run has ended. */
export const SWEEP_MOVES: Moves = {
  queued: ["running", "paused", "cancelled", "failed", "completed"],
  running: ["paused", "completed", "failed", "cancelled"],
  paused: ["queued", "running", "failed", "cancelled"],
  // More trials (`resume --trials +N`, `retry --failed`) reopen a finished sweep; a cancelled one stays cancelled.
  completed: ["running"],
  failed: ["running"],
  pruned: none,
  cancelled: none,
};

export const TRIAL_MOVES: Moves = {
  queued: ["running", "completed", "pruned", "failed", "cancelled"],
  running: ["completed", "pruned", "failed", "cancelled"],
  paused: none,
  completed: none,
  pruned: none,
  failed: none,
  cancelled: none,
};

/** running -> queued is a release, a lost lease or a failed attempt; the next dispatch raises the attempt. */
export const RUN_MOVES: Moves = {
  queued: ["running", "completed", "pruned", "failed", "cancelled"],
  running: ["queued", "completed", "pruned", "failed", "cancelled"],
  paused: none,
  completed: none,
  pruned: none,
  failed: none,
  cancelled: none,
};

export function mayMove(moves: Moves, from: State, to: State): boolean {
  return moves[from].includes(to);
}
