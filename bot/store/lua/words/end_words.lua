-- Ends the batch that was posted, or dropped.
-- Returns 1 if more is to be posted, which is then due, else 0.
-- include: now_ms
local entry = ARGV[1]
local thread = ARGV[2]
local owed = ARGV[3]
local begun = ARGV[4]

local subject = key.subject(entry)
redis.call('HDEL', subject, 'posting', 'notes', 'since', begun)
if redis.call('LLEN', key.words(thread)) == 0 then
  redis.call('ZREM', key.outbox, owed)
  return 0
end
local now = now_ms()
redis.call('HSET', subject, 'waits', now)
redis.call('ZADD', key.outbox, now, owed)
return 1
