-- Takes or renews the leader lease; only a new leadership raises the epoch.
-- KEYS: namespace
-- ARGV: owner, the epoch it holds ("0" = none), leaseMs
-- Replies: acquired EPOCH | held
--- @include "base"
local owner, heldEpoch, leaseMs = ARGV[1], ARGV[2], tonumber(ARGV[3])
local leader = redis.call("HMGET", key.leader, "owner", "epoch", "expiresAtMs")
local now = tonumber(nowMs())
local expiresAtMs = string.format("%.0f", now + leaseMs)

if leader[1] == owner and leader[2] == heldEpoch then
  redis.call("HSET", key.leader, "expiresAtMs", expiresAtMs)
  return { "acquired", heldEpoch }
end
-- The same owner without the epoch is a predecessor of that name, or a resent command: a new leadership either way.
if isSet(leader[1]) and leader[1] ~= owner and tonumber(leader[3]) > now then return { "held" } end
local epoch = redis.call("HINCRBY", key.leader, "epoch", 1)
redis.call("HSET", key.leader, "owner", owner, "expiresAtMs", expiresAtMs)
return { "acquired", tostring(epoch) }
