-- Forgets a worker that stopped. Its leases, if any are left, run out by themselves.
-- KEYS: namespace
-- ARGV: worker
-- Replies: ok
--- @include "base"
redis.call("DEL", key.worker(ARGV[1]))
redis.call("ZREM", key.workers, ARGV[1])
return { "ok" }
