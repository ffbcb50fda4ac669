-- A worker takes a delivered attempt: queued -> running with a lease. In a paused sweep the run goes back to the backlog, in one that
-- is stopping it is parked, and likewise when a time budget is used up and the trial has not started. The same worker may claim twice (a
-- resent command).
-- KEYS: namespace
-- ARGV: run, attempt, worker, leaseMs, event runStarted (JSON)
-- Replies: claimed RECORD PARAMETERS RUN-FIELDS | paused | cancelled | stale-attempt
--- @include "run"
local run, attempt, worker = loadRun(ARGV[1]), ARGV[2], ARGV[3]
if not run or run.attempt ~= attempt then return { "stale-attempt" } end

if run.place == "dispatched" then
  local wished, why = wish(run)
  run.worker = worker
  leavePlace(run)
  if wished ~= "going" then
    local stopping = wished == "stopping"
    local failure = failureOf(run, stopping and "cancelled" or "paused", "SWEEP_STATE", stopping and why or "the sweep is paused")
    if stopping then enterParked(run, failure) else enterBacklog(run) end
    appendAttemptEnded(run, failure)
    return { stopping and "cancelled" or "paused" }
  end
  local now = nowMs()
  redis.call("HSET", run.key, "place", "running", "state", "running", "worker", worker, "claimedAtMs", now)
  redis.call("HSETNX", run.key, "startedAtMs", now)
  redis.call("ZADD", key.leases, string.format("%.0f", tonumber(now) + tonumber(ARGV[4])), run.id)
  redis.call("HINCRBY", key.sweep(run.sweep), "runsInFlight", 1)
  redis.call("HINCRBY", key.sweep(run.sweep), "runsRunning", 1)
  local trialKey = key.trial(run.sweep, run.trial)
  if redis.call("HGET", trialKey, "state") == "queued" then redis.call("HSET", trialKey, "state", "running") end
  appendOutcome(ARGV[5])
elseif not isCurrent(run, attempt, worker) then
  return { "stale-attempt" }
end
return {
  "claimed",
  redis.call("HGET", key.sweep(run.sweep), "record"),
  redis.call("HGET", key.trial(run.sweep, run.trial), "parameters"),
  redis.call("HGETALL", run.key),
}
