-- Parks up to 100 runs whose lease ran out. A lease runs only while it is watched: after a gap (Redis or the leader was away) the gap is
-- added to every lease, so that workers which could not renew get the chance to, and an outage costs no run.
-- KEYS: namespace
-- ARGV: owner, epoch, leaseMs
-- Replies: ok RUN... | stale-leader
--- @include "leader"
--- @include "run"
local now, leaseMs = tonumber(nowMs()), tonumber(ARGV[3])
local sweptAtMs = tonumber(redis.call("HGET", key.leader, "sweptAtMs") or now)
redis.call("HSET", key.leader, "sweptAtMs", string.format("%.0f", now))
local unwatchedMs = math.floor(now - sweptAtMs - leaseMs / 4)
if unwatchedMs > 0 then
  for _, id in ipairs(redis.call("ZRANGE", key.leases, 0, -1)) do redis.call("ZINCRBY", key.leases, unwatchedMs, id) end
end
-- Workers that have been silent for long are no longer listed.
redis.call("ZREMRANGEBYSCORE", key.workers, "-inf", string.format("%.0f", now - 10 * leaseMs))

local expired = redis.call("ZRANGEBYSCORE", key.leases, "-inf", string.format("%.0f", now), "LIMIT", 0, 100)
local reply = { "ok" }
for _, id in ipairs(expired) do
  local run = loadRun(id)
  local failure = failureOf(run, "lost", "RUN_LOST", "worker " .. run.worker .. " did not renew the lease")
  leavePlace(run)
  noteFailure(run, "lost", failure)
  enterParked(run, failure)
  appendAttemptEnded(run, failure)
  reply[#reply + 1] = id
end
return reply
