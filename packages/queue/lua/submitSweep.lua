-- Creates a sweep once. A retried submit carries the same id and finds it there.
-- KEYS: namespace
-- ARGV: sweep, record (JSON), trial budget, folds, concurrency, pool, event (JSON), wall clock in ms, budget of slot seconds ("" = none)
-- Replies: created | exists
--- @include "base"
local sweep, record, budget, folds, concurrency, pool, event, wallClockMs, slotSeconds = unpack(ARGV)
if redis.call("EXISTS", key.sweep(sweep)) == 1 then return { "exists" } end
local sequence = redis.call("INCR", key.sequence)
redis.call("HSET", key.sweep(sweep), "record", record, "state", "queued", "sequence", sequence, "trialBudget", budget,
  "folds", folds, "concurrency", concurrency, "pool", pool, "trialsCreated", 0, "runsInFlight", 0, "submittedAtMs", nowMs(),
  "wallClockMs", wallClockMs, "slotSecondsBudget", slotSeconds)
redis.call("ZADD", key.sweeps, sequence, sweep)
redis.call("ZADD", key.activeSweeps, sequence, sweep)
appendOutcome(event)
wakeLeader()
return { "created" }
