-- Makes a run final after its result.json is in the store.
-- KEYS: namespace
-- ARGV: run, attempt, worker, state, reason, metrics (JSON), nonce, event (JSON)
-- Replies: finished (also when this very result is in already) | stale-attempt
--- @include "run"
local run, nonce = loadRun(ARGV[1]), ARGV[7]
if run and run.place == "final" and redis.call("HGET", run.key, "nonce") == nonce then return { "finished" } end
if not isCurrent(run, ARGV[2], ARGV[3]) then return { "stale-attempt" } end
finalise(run, { state = ARGV[4], reason = ARGV[5], metrics = ARGV[6], nonce = nonce, event = ARGV[8] })
return { "finished" }
