-- May this attempt write result.json? Extends its lease, so that it does not run out in the middle of the commit.
-- KEYS: namespace
-- ARGV: run, attempt, worker, leaseMs
-- Replies: ok | cancel | stale-attempt
--- @include "run"
local run = loadRun(ARGV[1])
if not isCurrent(run, ARGV[2], ARGV[3]) then return { "stale-attempt" } end
if wish(run) == "stopping" then return { "cancel" } end
redis.call("ZADD", key.leases, string.format("%.0f", tonumber(nowMs()) + tonumber(ARGV[4])), run.id)
return { "ok" }
