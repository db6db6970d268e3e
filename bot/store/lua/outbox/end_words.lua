-- Ends the batch that was posted, or dropped.
-- Returns 1 if more is to be posted, which is then due, else 0.
local owed = ARGV[1]
local held = ARGV[2]
local thread = ARGV[3]

local subject, begun, holds = try_of(owed)
if holds ~= held then return 0 end
redis.call('HDEL', subject, 'posting', 'notes', 'since', begun)
if redis.call('LLEN', key.words(thread)) == 0 then
  redis.call('ZREM', key.outbox, owed)
  return 0
end
local now = now_ms()
redis.call('HSET', subject, 'waits', now)
redis.call('ZADD', key.outbox, now, owed)
return 1
