-- A dispatched run whose job is lost (taken by a worker that died before its claim) goes back to the backlog for a new attempt.
-- KEYS: namespace
-- ARGV: owner, epoch, run, attempt
-- Replies: ok | wrong-state | stale-leader
--- @include "leader"
--- @include "run"
local run = loadRun(ARGV[3])
if not run or run.place ~= "dispatched" or run.attempt ~= ARGV[4] then return { "wrong-state" } end
leavePlace(run)
local failure = failureOf(run, "lost", "RUN_LOST", "the job was lost before a worker claimed it")
if wish(run) == "stopping" then enterParked(run, failure) else enterBacklog(run) end
appendAttemptEnded(run, failure)
wakeLeader()
return { "ok" }
