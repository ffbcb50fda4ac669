-- Begins to wind a sweep down as failed; its state stays until its last trial is final.
-- KEYS: namespace
-- ARGV: owner, epoch, sweep, "failed", reason
-- Replies: ok | wrong-state | stale-leader
--- @include "leader"
--- @include "sweep"
local sweep, why, reason = ARGV[3], ARGV[4], ARGV[5]
local fields = redis.call("HMGET", key.sweep(sweep), "state", "stopping")
if not fields[1] or FINAL[fields[1]] or (isSet(fields[2]) and fields[2] ~= why) then return { "wrong-state" } end
redis.call("HSET", key.sweep(sweep), "stopping", why, "reason", reason)
sendControl(sweep, nil, "cancel")
wakeLeader()
return { "ok" }
