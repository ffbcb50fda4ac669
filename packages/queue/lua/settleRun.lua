-- Makes a run final, wherever it is, from the result that is in the store: that result is the truth whichever attempt wrote it.
-- KEYS: namespace
-- ARGV: owner, epoch, run, state, reason, metrics (JSON), nonce, event (JSON)
-- Replies: settled | already-final | stale-leader; an error SAPHENA_UNKNOWN_RUN
--- @include "leader"
--- @include "run"
local run = loadRun(ARGV[3])
if not run then return redis.error_reply("SAPHENA_UNKNOWN_RUN " .. ARGV[3]) end
if run.place == "final" then return { "already-final" } end
finalise(run, { state = ARGV[4], reason = ARGV[5], metrics = ARGV[6], nonce = ARGV[7], event = ARGV[8] })
return { "settled" }
