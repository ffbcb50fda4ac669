-- Raises the trial budget: by a number, and by one for each failed or cancelled trial that is tried again with its parameters. A paused
-- sweep goes on, a completed or failed one is reopened. A trial is retried at most once; when nothing is added it is wrong-state.
-- KEYS: namespace
-- ARGV: sweep, nonce of this call (a resent one changes nothing), number of trials, then (failed or cancelled trial, retry as JSON)...
-- Replies: ok | wrong-state | unknown
--- @include "sweep"
local sweep, nonce, trials = ARGV[1], ARGV[2], tonumber(ARGV[3])
local sweepKey = key.sweep(sweep)
local fields = redis.call("HMGET", sweepKey, "state", "stopping", "editNonce", "retries")
local state = fields[1]
if not state then return { "unknown" } end
if fields[3] == nonce then return { "ok" } end
if state == "cancelled" or isSet(fields[2]) then return { "wrong-state" } end

local retries, failed = {}, false
for at = 4, #ARGV, 2 do
  local trialKey = key.trial(sweep, ARGV[at])
  local was = redis.call("HGET", trialKey, "state")
  if (was == "failed" or was == "cancelled") and redis.call("HSETNX", trialKey, "retried", 1) == 1 then
    retries[#retries + 1] = ARGV[at + 1]
    failed = failed or was == "failed"
  end
end
if trials + #retries == 0 then return { "wrong-state" } end

if #retries > 0 then
  -- One retry a line, which JSON allows: createTrials takes single ones out without decoding (cjson rounds numbers).
  local list = table.concat(retries, ",\n")
  if isSet(fields[4]) and fields[4] ~= "[]" then list = string.sub(fields[4], 2, -2) .. ",\n" .. list end
  redis.call("HSET", sweepKey, "retries", "[" .. list .. "]")
  redis.call("HINCRBY", sweepKey, "trialsRetried", #retries)
  if failed then forgiveFailures(sweep) end
end
redis.call("HSET", sweepKey, "editNonce", nonce)
redis.call("HINCRBY", sweepKey, "trialBudget", trials + #retries)
reopenSweep(sweep, state)
return { "ok" }
