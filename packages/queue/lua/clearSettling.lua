-- Takes a trial off the leader's work list. It stays when its last run has ended meanwhile, so that no ending is overlooked.
-- KEYS: namespace
-- ARGV: owner, epoch, sweep, trial
-- Replies: ok | stale-leader
--- @include "leader"
--- @include "trial"
local trial = loadTrial(ARGV[3], ARGV[4])
if not trial or trial.isFinal or trial.runsFinal < trial.folds then redis.call("SREM", key.settling, ARGV[3] .. "/" .. ARGV[4]) end
return { "ok" }
