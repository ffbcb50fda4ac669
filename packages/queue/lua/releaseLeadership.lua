-- Gives the leader lease up at once; the epoch stays, so the next leadership is a higher one.
-- KEYS: namespace
-- ARGV: owner, epoch
-- Replies: ok | stale-leader
--- @include "leader"
redis.call("HDEL", key.leader, "owner", "expiresAtMs")
wakeLeader()
return { "ok" }
