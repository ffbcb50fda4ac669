-- Reading a trial.
--- @include "base"
local FINAL_TRIAL = { completed = true, pruned = true, failed = true, cancelled = true }

-- nil when there is no such trial; `runsFinal` of `folds` runs are over.
local function loadTrial(sweep, trial)
  local fields = redis.call("HMGET", key.trial(sweep, trial), "state", "stopping", "folds", "runsCompleted", "runsPruned", "runsFailed", "runsCancelled")
  if not fields[1] then return nil end
  local runsFinal = 0
  for at = 4, 7 do runsFinal = runsFinal + tonumber(fields[at] or 0) end
  return { state = fields[1], isFinal = FINAL_TRIAL[fields[1]], stopping = fields[2], folds = tonumber(fields[3]), runsFinal = runsFinal }
end
