-- What nearly every command needs: the clock, the event stream, messages, and the reading of empty fields.
--- @include "keys"

-- Redis time in whole milliseconds, as text: the only clock of the live state.
local function nowMs()
  local time = redis.call("TIME")
  return string.format("%.0f", tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
end

-- Hash fields that are missing (false) or "" both mean: not set.
local function isSet(value) return value and value ~= "" end

local function appendOutcome(eventJson) redis.call("XADD", key.outcomes, "*", "event", eventJson) end

local function wakeLeader() redis.call("PUBLISH", key.wake, "") end

-- To the workers: `run` nil means all runs of the sweep.
local function sendControl(sweep, run, action)
  redis.call("PUBLISH", key.control, cjson.encode({ sweep = sweep, run = run or cjson.null, action = action }))
end
