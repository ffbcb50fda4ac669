-- Marks a trial as stopping: its queued runs are parked wherever they are, workers are told to cancel its running ones.
-- KEYS: namespace
-- ARGV: owner, epoch, sweep, trial, "failed" | "cancelled" | "pruned", reason, "unstarted" (only if no run of it has started) | ""
-- Replies: ok | wrong-state | stale-leader
--- @include "leader"
--- @include "run"
--- @include "trial"
local sweep, number, why, reason = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local trial = loadTrial(sweep, number)
if not trial or trial.isFinal or (isSet(trial.stopping) and trial.stopping ~= why) then return { "wrong-state" } end
if ARGV[7] == "unstarted" and trial.state ~= "queued" then return { "wrong-state" } end
redis.call("HSET", key.trial(sweep, number), "stopping", why, "reason", reason)

for fold = 0, trial.folds - 1 do
  local run = loadRun(sweep .. "-" .. number .. "-" .. fold)
  if run.place == "running" then
    sendControl(sweep, run.id, "cancel")
  elseif run.place == "backlog" or run.place == "dispatched" then
    local failure = failureOf(run, "cancelled", "SWEEP_STATE", "the trial is being stopped: " .. reason)
    leavePlace(run)
    enterParked(run, failure)
    -- In the backlog no attempt was under way: the last one has its event already.
    if run.place == "dispatched" then appendAttemptEnded(run, failure) end
  end
end
redis.call("SADD", key.settling, sweep .. "/" .. number)
wakeLeader()
return { "ok" }
