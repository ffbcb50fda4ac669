-- Appends the points of one epoch, once per (run, epoch): a resumed attempt repeats epochs, and those are dropped here.
-- KEYS: namespace
-- ARGV: run, attempt, worker, epoch, event (JSON)
-- Replies: ok | duplicate | stale-attempt
--- @include "run"
local run = loadRun(ARGV[1])
if not isCurrent(run, ARGV[2], ARGV[3]) then return { "stale-attempt" } end
if tonumber(ARGV[4]) <= tonumber(redis.call("HGET", run.key, "pointsEpoch") or 0) then return { "duplicate" } end
redis.call("HSET", run.key, "pointsEpoch", ARGV[4])
redis.call("XADD", key.points, "*", "event", ARGV[5])
return { "ok" }
