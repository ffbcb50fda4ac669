-- Pauses, resumes or begins to cancel a sweep. What is so already is ok and changes nothing, so a resent command does no harm.
-- KEYS: namespace
-- ARGV: sweep, "pause" | "resume" | "cancel"
-- Replies: ok | wrong-state | unknown
--- @include "sweep"
local sweep, to = ARGV[1], ARGV[2]
local fields = redis.call("HMGET", key.sweep(sweep), "state", "stopping")
local state, stopping = fields[1], fields[2]
if not state then return { "unknown" } end

if to == "cancel" and (state == "cancelled" or stopping == "cancelled") then return { "ok" } end
if FINAL[state] or isSet(stopping) then return { "wrong-state" } end

if to == "pause" and state ~= "paused" then
  setSweepState(sweep, "paused")
  sendControl(sweep, nil, "release")
elseif to == "resume" and state == "paused" then
  setSweepState(sweep, goingState(sweep))
elseif to == "cancel" then
  -- The state stays until the last run has ended; the leader winds down.
  redis.call("HSET", key.sweep(sweep), "stopping", "cancelled")
  sendControl(sweep, nil, "cancel")
end
wakeLeader()
return { "ok" }
