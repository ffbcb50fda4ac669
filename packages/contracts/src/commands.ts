// The Lua commands: every change of live state goes through one of them, one file each in packages/queue/lua/.
// A reply's first word is one of `replies`; `fence` says what a command must carry to be obeyed.

interface Command {
  /** leader: refused with `stale-leader` unless it carries the current leadership epoch; attempt: refused with `stale-attempt` unless (run, attempt) is current. */
  readonly fence: "none" | "leader" | "attempt";
  readonly does: string;
  readonly replies: readonly string[];
}

export const COMMANDS = {
  acquireLeadership: {
    fence: "none",
    does: "take or renew the leader lease; a new leadership raises the epoch",
    replies: ["acquired", "held"],
  },
  releaseLeadership: { fence: "leader", does: "give the leader lease up", replies: ["ok", "stale-leader"] },
  submitSweep: { fence: "none", does: "create the sweep record once, number it, append sweepSubmitted", replies: ["created", "exists"] },
  moveSweep: {
    fence: "none",
    does: "pause, resume or begin to cancel a sweep, conditional on its state",
    replies: ["ok", "wrong-state", "unknown"],
  },
  addTrials: {
    fence: "none",
    does: "raise the trial budget, and queue the parameters of failed or cancelled trials for new ones; reopens a completed or failed sweep",
    replies: ["ok", "wrong-state", "unknown"],
  },
  createTrials: {
    fence: "leader",
    does: "create the next trials and their runs within the budget; the first number must be the next one",
    replies: ["created", "budget-used", "out-of-order", "wrong-state", "stale-leader"],
  },
  dispatch: {
    fence: "leader",
    does: "take a run from the backlog, raise its attempt, note it as dispatching and waiting",
    replies: ["dispatched", "wrong-state", "concurrency-full", "stale-leader"],
  },
  acknowledgeDispatch: { fence: "leader", does: "BullMQ has the job: remove the note", replies: ["ok", "stale-leader"] },
  withdraw: {
    fence: "leader",
    does: "put a dispatched run whose job was lost back into the backlog",
    replies: ["ok", "wrong-state", "stale-leader"],
  },
  requeue: {
    fence: "leader",
    does: "put a parked run back into the backlog for another attempt",
    replies: ["ok", "wrong-state", "stale-leader"],
  },
  expireLeases: { fence: "leader", does: "park runs whose lease ran out, with reason lost", replies: ["ok", "stale-leader"] },
  settleRun: {
    fence: "leader",
    does: "make a run final from a result that is in the store",
    replies: ["settled", "already-final", "stale-leader"],
  },
  stopTrial: {
    fence: "leader",
    does: "mark a trial as stopping, on demand only if none of its runs has started: its queued runs are parked, its running runs get cancel",
    replies: ["ok", "wrong-state", "stale-leader"],
  },
  settleTrial: { fence: "leader", does: "make a trial final once all its runs are", replies: ["settled", "wrong-state", "stale-leader"] },
  clearSettling: {
    fence: "leader",
    does: "take a trial off the work list, unless all its runs are final and it is not",
    replies: ["ok", "stale-leader"],
  },
  stopSweep: { fence: "leader", does: "begin to wind a sweep down as failed", replies: ["ok", "wrong-state", "stale-leader"] },
  settleSweep: { fence: "leader", does: "make a sweep final once all its trials are", replies: ["settled", "wrong-state", "stale-leader"] },
  setLogSegments: { fence: "leader", does: "note how many segments of the decision log are written", replies: ["ok", "stale-leader"] },
  heartbeat: {
    fence: "none",
    does: "register the worker and renew the leases it names; replies per run: ok, cancel, release or stale-attempt",
    replies: ["ok"],
  },
  claim: {
    fence: "attempt",
    does: "queued -> running with a lease, unless the sweep is paused (back to the backlog) or stopping (parked)",
    replies: ["claimed", "paused", "cancelled", "stale-attempt"],
  },
  reportPoints: {
    fence: "attempt",
    does: "append the points of one epoch, once per (run, epoch)",
    replies: ["ok", "duplicate", "stale-attempt"],
  },
  recordCheckpoint: {
    fence: "attempt",
    does: "note the newest uploaded checkpoint; replies with the one it replaces",
    replies: ["ok", "stale-attempt"],
  },
  beginCommit: {
    fence: "attempt",
    does: "the attempt may write result.json; extends its lease",
    replies: ["ok", "cancel", "stale-attempt"],
  },
  finish: {
    fence: "attempt",
    does: "running -> final after result.json is in the store; appends runFinished",
    replies: ["finished", "stale-attempt"],
  },
  endAttempt: {
    fence: "attempt",
    does: "running -> queued and parked: released, paused, crashed, out of memory, user error, cancelled",
    replies: ["ok", "stale-attempt"],
  },
  removeWorker: { fence: "none", does: "forget a worker that stopped", replies: ["ok"] },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof COMMANDS;
export type CommandReply<Name extends CommandName> = (typeof COMMANDS)[Name]["replies"][number];
