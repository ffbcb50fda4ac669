-- The leader's fence. ARGV[1] owner, ARGV[2] epoch: whoever does not hold the newest leadership is refused. A lease that ran out
-- without a successor still counts, because nobody else has decided anything since.
--- @include "base"
do
  local leader = redis.call("HMGET", key.leader, "owner", "epoch")
  if leader[1] ~= ARGV[1] or leader[2] ~= ARGV[2] then return { "stale-leader" } end
end
