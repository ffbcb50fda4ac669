-- Registers a worker and renews the leases of the runs it names. A late renewal counts as long as the attempt is still current.
-- KEYS: namespace
-- ARGV: worker, leaseMs, pool, slots, host, pid, running and devices (JSON for the listings), then (run, attempt)...
-- Replies: ok, then per run: ok | cancel | release | stale-attempt
--- @include "run"
local worker, leaseMs = ARGV[1], tonumber(ARGV[2])
local now = nowMs()
local expiresAtMs = string.format("%.0f", tonumber(now) + leaseMs)
redis.call("HSET", key.worker(worker), "id", worker, "pool", ARGV[3], "slots", ARGV[4], "host", ARGV[5], "pid", ARGV[6], "running", ARGV[7],
  "devices", ARGV[8], "lastSeenMs", now)
redis.call("PEXPIRE", key.worker(worker), string.format("%.0f", leaseMs * 10))
redis.call("ZADD", key.workers, now, worker)
redis.call("SADD", key.pools, ARGV[3])

local ANSWER = { stopping = "cancel", paused = "release", going = "ok" }
local reply = { "ok" }
for at = 9, #ARGV, 2 do
  local run = loadRun(ARGV[at])
  if isCurrent(run, ARGV[at + 1], worker) then
    redis.call("ZADD", key.leases, expiresAtMs, run.id)
    reply[#reply + 1] = ANSWER[wish(run)]
  else
    reply[#reply + 1] = "stale-attempt"
  end
end
return reply
