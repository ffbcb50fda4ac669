-- BullMQ has these jobs: their notes go, unless a newer attempt has written its own.
-- KEYS: namespace
-- ARGV: owner, epoch, pool, then (run, attempt)...
-- Replies: ok | stale-leader
--- @include "leader"
local notes = key.dispatching(ARGV[3])
for at = 4, #ARGV, 2 do
  if redis.call("HGET", notes, ARGV[at]) == ARGV[at + 1] then redis.call("HDEL", notes, ARGV[at]) end
end
return { "ok" }
