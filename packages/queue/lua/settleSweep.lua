-- Makes a sweep final once all its trials are. A sweep that is stopping ends only as what it is stopping for; a paused one only so; and
-- a budget that was raised since the leader looked keeps it open.
-- KEYS: namespace
-- ARGV: owner, epoch, sweep, state, reason, the trial budget the leader saw ("" = any)
-- Replies: settled | wrong-state | stale-leader
--- @include "leader"
--- @include "sweep"
local sweep, state, reason, budget = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local fields = redis.call("HMGET", key.sweep(sweep), "state", "stopping", "trialBudget")
if not fields[1] or FINAL[fields[1]] or redis.call("ZCARD", key.openTrials(sweep)) > 0 then return { "wrong-state" } end
if isSet(fields[2]) and fields[2] ~= state then return { "wrong-state" } end
if fields[1] == "paused" and state == "completed" then return { "wrong-state" } end
if budget ~= "" and budget ~= fields[3] then return { "wrong-state" } end
redis.call("HSET", key.sweep(sweep), "stopping", "", "finishedAtMs", nowMs())
redis.call("ZREM", key.activeSweeps, sweep)
setSweepState(sweep, state, reason)
return { "settled" }
