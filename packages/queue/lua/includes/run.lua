-- Moves of a run. Its field `place` says where it is: backlog, dispatched, running, parked or final; the state follows from it.
-- `leavePlace` and one `enter...` are the only code that changes the sets and counters of a place, so they cannot drift apart.
--- @include "base"
local function loadRun(id)
  local fields = redis.call("HMGET", key.run(id), "sweep", "trial", "fold", "attempt", "worker", "pool", "place", "failures")
  if not fields[1] then return nil end
  return {
    id = id, key = key.run(id), sweep = fields[1], trial = fields[2], fold = fields[3], attempt = fields[4],
    worker = fields[5] or "", pool = fields[6], place = fields[7], failures = fields[8],
  }
end

local function isCurrent(run, attempt, worker)
  return run and run.place == "running" and run.attempt == attempt and run.worker == worker
end

-- Which time budget of the sweep is used up, if any: then a trial of which no run has started never starts. The same rule as usedUp() in
-- packages/sweep, by which the leader stops those trials; here it holds in the moment between two looks of the leader, too.
local function usedUp(sweep)
  local fields = redis.call("HMGET", key.sweep(sweep), "wallClockMs", "runningMs", "runningSinceMs", "slotSecondsBudget", "slotSeconds")
  if isSet(fields[1]) then
    local running = isSet(fields[3]) and math.max(0, tonumber(nowMs()) - tonumber(fields[3])) or 0
    if tonumber(fields[2] or 0) + running >= tonumber(fields[1]) then return "budget.wallClock" end
  end
  if isSet(fields[4]) and tonumber(fields[5] or 0) >= tonumber(fields[4]) then return "budget.gpuHours" end
  return nil
end

-- "stopping" (and why), "paused" or "going": what the run's trial and sweep want of it.
local function wish(run)
  local sweep = redis.call("HMGET", key.sweep(run.sweep), "state", "stopping")
  local trial = redis.call("HMGET", key.trial(run.sweep, run.trial), "stopping", "state")
  if isSet(sweep[2]) or isSet(trial[1]) then return "stopping", "the trial is being stopped" end
  local used = trial[2] == "queued" and usedUp(run.sweep)
  if used then return "stopping", used .. " was used before the trial started" end
  return sweep[1] == "paused" and "paused" or "going"
end

local function leavePlace(run)
  local sweep = key.sweep(run.sweep)
  if run.place == "backlog" then
    redis.call("ZREM", key.backlog(run.sweep), run.id)
  elseif run.place == "dispatched" then
    redis.call("HDEL", key.dispatching(run.pool), run.id)
    redis.call("ZREM", key.waiting(run.pool), run.id)
    redis.call("HINCRBY", sweep, "runsInFlight", -1)
  elseif run.place == "running" then
    redis.call("ZREM", key.leases, run.id)
    redis.call("HINCRBY", sweep, "runsInFlight", -1)
    redis.call("HINCRBY", sweep, "runsRunning", -1)
    -- Whichever way the attempt ends, it held a slot for so long.
    local now = nowMs()
    local heldMs = math.max(0, tonumber(now) - tonumber(redis.call("HGET", run.key, "claimedAtMs") or now))
    redis.call("HINCRBYFLOAT", sweep, "slotSeconds", string.format("%.3f", heldMs / 1000))
  elseif run.place == "parked" then
    redis.call("SREM", key.parked, run.id)
  end
end

-- Ordered by trial, then fold.
local function enterBacklog(run)
  redis.call("HSET", run.key, "place", "backlog", "state", "queued", "worker", "", "parked", "")
  redis.call("ZADD", key.backlog(run.sweep), string.format("%.0f", run.trial * 1000000 + run.fold), run.id)
end

-- Out of play until the leader decides.
local function enterParked(run, failureJson)
  redis.call("HSET", run.key, "place", "parked", "state", "queued", "worker", "", "parked", failureJson)
  redis.call("SADD", key.parked, run.id)
  wakeLeader()
end

local function failureOf(run, reason, code, message)
  return cjson.encode({
    attempt = tonumber(run.attempt), reason = reason, code = code, message = message,
    worker = run.worker ~= "" and run.worker or cjson.null,
  })
end

-- These count against retry.max. The list is JSON text: cjson would round numbers, so it is never decoded here.
local COUNTED = { lost = true, crashed = true, outOfMemory = true, userError = true }
local function noteFailure(run, reason, failureJson)
  if not COUNTED[reason] then return end
  local list = isSet(run.failures) and (string.sub(run.failures, 1, -2) .. "," .. failureJson .. "]") or ("[" .. failureJson .. "]")
  redis.call("HSET", run.key, "failures", list)
end

local function appendAttemptEnded(run, failureJson)
  appendOutcome('{"type":"attemptEnded","sweep":' .. cjson.encode(run.sweep) .. ',"trial":' .. run.trial .. ',"fold":' .. run.fold
    .. ',"failure":' .. failureJson .. "}")
end

-- The run is over: `result` has state, reason, metrics (JSON), nonce, event (JSON).
local COUNTER = { completed = "runsCompleted", pruned = "runsPruned", failed = "runsFailed", cancelled = "runsCancelled" }
local function finalise(run, result)
  leavePlace(run)
  redis.call("HSET", run.key, "place", "final", "state", result.state, "reason", result.reason, "metrics", result.metrics,
    "nonce", result.nonce, "parked", "", "finishedAtMs", nowMs())
  redis.call("HINCRBY", key.sweep(run.sweep), "runsFinal", 1)
  redis.call("HINCRBY", key.trial(run.sweep, run.trial), COUNTER[result.state], 1)
  redis.call("SADD", key.settling, run.sweep .. "/" .. run.trial)
  appendOutcome(result.event)
  wakeLeader()
end
