-- Makes a trial final once all its runs are.
-- KEYS: namespace
-- ARGV: owner, epoch, sweep, trial, state, reason, value ("" = none), "1" = the best so far, event (JSON)
-- Replies: settled | wrong-state | stale-leader
--- @include "leader"
--- @include "trial"
local COUNTER = { completed = "trialsCompleted", pruned = "trialsPruned", failed = "trialsFailed", cancelled = "trialsCancelled" }
local sweep, number, state, reason, value, best, event = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local trial = loadTrial(sweep, number)
if not trial or trial.isFinal or trial.runsFinal < trial.folds then return { "wrong-state" } end
redis.call("HSET", key.trial(sweep, number), "state", state, "reason", reason)
redis.call("ZREM", key.openTrials(sweep), number)
redis.call("SREM", key.settling, sweep .. "/" .. number)
redis.call("HINCRBY", key.sweep(sweep), COUNTER[state], 1)
if best == "1" then redis.call("HSET", key.sweep(sweep), "bestTrial", number, "bestValue", value) end
appendOutcome(event)
return { "settled" }
