-- Moves of a sweep.
--- @include "base"
local FINAL = { completed = true, pruned = true, failed = true, cancelled = true }

local function setSweepState(sweep, state, reason)
  redis.call("HSET", key.sweep(sweep), "state", state, "reason", reason or "")
  appendOutcome(cjson.encode({ type = "sweepState", sweep = sweep, state = state, reason = isSet(reason) and reason or cjson.null }))
end

-- Where a sweep goes on that is paused or finished.
local function goingState(sweep)
  if tonumber(redis.call("HGET", key.sweep(sweep), "trialsCreated")) > 0 then return "running" end
  return "queued"
end

-- More trials make a paused or finished sweep go on.
local function reopenSweep(sweep, state)
  if state == "paused" then
    setSweepState(sweep, goingState(sweep))
  elseif FINAL[state] then
    redis.call("HDEL", key.sweep(sweep), "finishedAtMs")
    redis.call("ZADD", key.activeSweeps, redis.call("HGET", key.sweep(sweep), "sequence"), sweep)
    setSweepState(sweep, "running")
  end
  wakeLeader()
end
