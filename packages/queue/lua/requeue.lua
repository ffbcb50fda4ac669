-- Puts a parked run back into the backlog: the next dispatch is another attempt, which goes on from the last checkpoint.
-- KEYS: namespace
-- ARGV: owner, epoch, run
-- Replies: ok | wrong-state | stale-leader
--- @include "leader"
--- @include "run"
local run = loadRun(ARGV[3])
if not run or run.place ~= "parked" or wish(run) == "stopping" then return { "wrong-state" } end
leavePlace(run)
enterBacklog(run)
return { "ok" }
