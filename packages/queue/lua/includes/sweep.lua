-- Moves of a sweep.
--- @include "base"
local FINAL = { completed = true, pruned = true, failed = true, cancelled = true }

-- Time counts against budget.wallClock only while the sweep is running: what is over is in runningMs, the stretch under way began at runningSinceMs.
local function keepClock(sweep, state)
  local since = redis.call("HGET", key.sweep(sweep), "runningSinceMs")
  if state == "running" and not isSet(since) then
    redis.call("HSET", key.sweep(sweep), "runningSinceMs", nowMs())
  elseif state ~= "running" and isSet(since) then
    redis.call("HINCRBY", key.sweep(sweep), "runningMs", string.format("%.0f", math.max(0, tonumber(nowMs()) - tonumber(since))))
    redis.call("HDEL", key.sweep(sweep), "runningSinceMs")
  end
end

local function setSweepState(sweep, state, reason)
  keepClock(sweep, state)
  redis.call("HSET", key.sweep(sweep), "state", state, "reason", reason or "")
  appendOutcome(cjson.encode({ type = "sweepState", sweep = sweep, state = state, reason = isSet(reason) and reason or cjson.null }))
end

-- Where a sweep goes on that is paused or finished.
local function goingState(sweep)
  if tonumber(redis.call("HGET", key.sweep(sweep), "trialsCreated")) > 0 then return "running" end
  return "queued"
end

-- Failures up to now no longer count against budget.maxFailures.
local function forgiveFailures(sweep)
  redis.call("HSET", key.sweep(sweep), "failuresForgiven", redis.call("HGET", key.sweep(sweep), "trialsFailed") or 0)
end

-- More trials make a paused or finished sweep go on. A finished one starts afresh with its failures, or it would end again at once.
local function reopenSweep(sweep, state)
  if state == "paused" then
    setSweepState(sweep, goingState(sweep))
  elseif FINAL[state] then
    forgiveFailures(sweep)
    redis.call("HDEL", key.sweep(sweep), "finishedAtMs")
    redis.call("ZADD", key.activeSweeps, redis.call("HGET", key.sweep(sweep), "sequence"), sweep)
    setSweepState(sweep, "running")
  end
  wakeLeader()
end
