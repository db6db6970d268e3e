-- Ends the batch that was posted, or dropped; `notes` are the first ones of the next batch.
-- Returns 1 if more is to be posted, which is then due, else 0.
local owed = ARGV[1]
local held = ARGV[2]
local thread = ARGV[3]
local notes = ARGV[4]

local subject, begun, holds = try_of(owed)
if holds ~= held then return 0 end
redis.call('HDEL', subject, 'posting', 'since', begun)
redis.call('HSET', subject, 'notes', notes, 'waiting_since', now_ms())
if redis.call('LLEN', key.words(thread)) == 0 then
  redis.call('ZREM', key.outbox, owed)
  return 0
end
redis.call('ZADD', key.outbox, now_ms(), owed)
return 1
