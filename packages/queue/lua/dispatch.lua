-- Takes a run from the backlog and allocates its next attempt. The note in `dispatching` stays until BullMQ is known to have the job.
-- KEYS: namespace
-- ARGV: owner, epoch, run, pool
-- Replies: dispatched ATTEMPT | wrong-state | concurrency-full | stale-leader
--- @include "leader"
--- @include "run"
local run, pool = loadRun(ARGV[3]), ARGV[4]
if not run or run.place ~= "backlog" or wish(run) ~= "going" then return { "wrong-state" } end
local sweep = redis.call("HMGET", key.sweep(run.sweep), "runsInFlight", "concurrency")
if tonumber(sweep[1]) >= tonumber(sweep[2]) then return { "concurrency-full" } end

leavePlace(run)
local attempt = redis.call("HINCRBY", run.key, "attempt", 1)
redis.call("HSET", run.key, "place", "dispatched", "pool", pool)
redis.call("HSET", key.dispatching(pool), run.id, attempt)
redis.call("ZADD", key.waiting(pool), nowMs(), run.id)
redis.call("HINCRBY", key.sweep(run.sweep), "runsInFlight", 1)
redis.call("SADD", key.pools, pool)
return { "dispatched", tostring(attempt) }
