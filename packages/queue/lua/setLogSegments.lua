-- Notes how many segments of the decision log are in the store.
-- KEYS: namespace
-- ARGV: owner, epoch, sweep, segments
-- Replies: ok | stale-leader
--- @include "leader"
if redis.call("EXISTS", key.sweep(ARGV[3])) == 1 then redis.call("HSET", key.sweep(ARGV[3]), "logSegments", ARGV[4]) end
return { "ok" }
