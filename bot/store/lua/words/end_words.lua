-- Ends the batch that was posted, or dropped.
-- Returns 1 if more is to be posted, which is then due, else 0.
-- include: now_ms
local subject = KEYS[1]
local words = KEYS[2]
local outbox = KEYS[3]
local owed = ARGV[1]
local begun = ARGV[2]

redis.call('HDEL', subject, 'posting', 'notes', 'since', 'parts', begun)
if redis.call('LLEN', words) == 0 then
  redis.call('ZREM', outbox, owed)
  return 0
end
local now = now_ms()
redis.call('HSET', subject, 'waits', now)
redis.call('ZADD', outbox, now, owed)
return 1
