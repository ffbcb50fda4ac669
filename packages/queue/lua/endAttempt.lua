-- An attempt ended without a result: the run is parked for the leader to decide about, or, when it was merely released or paused and
-- nothing stops it, goes straight back to the backlog.
-- KEYS: namespace
-- ARGV: run, attempt, worker, reason, failure (JSON)
-- Replies: ok | stale-attempt
--- @include "run"
local run, reason, failure = loadRun(ARGV[1]), ARGV[4], ARGV[5]
if not isCurrent(run, ARGV[2], ARGV[3]) then return { "stale-attempt" } end
leavePlace(run)
noteFailure(run, reason, failure)
if (reason == "released" or reason == "paused") and wish(run) ~= "stopping" then
  enterBacklog(run)
  wakeLeader()
else
  enterParked(run, failure)
end
appendAttemptEnded(run, failure)
return { "ok" }
