-- Creates the next trials of a sweep with all their runs: all of them, or none when the budget does not hold them.
-- KEYS: namespace
-- ARGV: owner, epoch, sweep, number of the first trial, nonce of this call, then (parameters JSON, retried trial or "")...
-- Replies: created | budget-used | out-of-order | wrong-state | stale-leader
--- @include "leader"
--- @include "sweep"
--- @include "run"
local sweep, first, nonce = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local sweepKey = key.sweep(sweep)
local fields = redis.call("HMGET", sweepKey, "state", "stopping", "trialsCreated", "trialBudget", "folds", "pool", "retries", "createNonce")
local state = fields[1]
if fields[8] == nonce then return { "created" } end
if (state ~= "queued" and state ~= "running") or isSet(fields[2]) then return { "wrong-state" } end
local count = (#ARGV - 5) / 2
if first ~= tonumber(fields[3]) then return { "out-of-order" } end
if first + count > tonumber(fields[4]) then return { "budget-used" } end

local folds, pool, retried = tonumber(fields[5]), fields[6], {}
for at = 0, count - 1 do
  local trial, parameters, retryOf = first + at, ARGV[6 + 2 * at], ARGV[7 + 2 * at]
  redis.call("HSET", key.trial(sweep, trial), "sweep", sweep, "number", trial, "state", "queued", "parameters", parameters, "folds", folds)
  if retryOf ~= "" then
    redis.call("HSET", key.trial(sweep, trial), "retryOf", retryOf)
    retried['{"retryOf":' .. retryOf .. ","] = true
  end
  redis.call("ZADD", key.openTrials(sweep), trial, trial)
  for fold = 0, folds - 1 do
    local id = sweep .. "-" .. trial .. "-" .. fold
    redis.call("HSET", key.run(id), "id", id, "sweep", sweep, "trial", trial, "fold", fold, "attempt", 0, "pool", pool)
    enterBacklog({ id = id, key = key.run(id), sweep = sweep, trial = trial, fold = fold })
  end
  appendOutcome('{"type":"trialCreated","sweep":' .. cjson.encode(sweep) .. ',"trial":' .. trial .. ',"parameters":' .. parameters
    .. ',"folds":' .. folds .. ',"retryOf":' .. (retryOf == "" and "null" or retryOf) .. "}")
end

redis.call("HINCRBY", sweepKey, "trialsCreated", count)
redis.call("HSET", sweepKey, "createNonce", nonce)
redis.call("SADD", key.pools, pool)
if next(retried) then
  local left = {}
  for line in string.gmatch(string.sub(fields[7] or "[]", 2, -2), "[^\n]+") do
    local retry = string.gsub(line, ",$", "")
    if not retried[string.match(retry, '^{"retryOf":%d+,')] then left[#left + 1] = retry end
  end
  redis.call("HSET", sweepKey, "retries", "[" .. table.concat(left, ",\n") .. "]")
end
if state == "queued" then setSweepState(sweep, "running") end
redis.call("HSETNX", sweepKey, "startedAtMs", nowMs())
return { "created" }
