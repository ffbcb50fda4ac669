-- Notes the newest uploaded checkpoint and tells which one it replaces.
-- KEYS: namespace
-- ARGV: run, attempt, worker, checkpoint (JSON)
-- Replies: ok PREVIOUS (JSON, "" = none) | stale-attempt
--- @include "run"
local run = loadRun(ARGV[1])
if not isCurrent(run, ARGV[2], ARGV[3]) then return { "stale-attempt" } end
local previous = redis.call("HGET", run.key, "checkpoint")
redis.call("HSET", run.key, "checkpoint", ARGV[4])
-- A resent command finds its own checkpoint there: that is replaced by nothing.
return { "ok", previous ~= ARGV[4] and previous or "" }
