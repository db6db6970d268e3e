-- Ends the batch that was posted, or dropped; `notes` are the first ones of the next batch. The
-- `files` of these items of it are owed from then on, by an entry of their own.
-- Returns 1 if more is to be posted, which is then due, else 0.
local owed = ARGV[1]
local held = ARGV[2]
local thread = ARGV[3]
local notes = ARGV[4]
local files = cjson.decode(ARGV[5])
local files_owed = ARGV[6]

local subject, begun, holds = try_of(owed)
if holds ~= held then return 0 end
local now = now_ms()
for _, item in ipairs(files) do owe_item(files_owed, thread, item, now) end
redis.call('HDEL', subject, 'posting', 'since', begun)
redis.call('HSET', subject, 'notes', notes, 'waiting_since', now)
if redis.call('LLEN', queue_of(owed, thread)) == 0 then
  redis.call('ZREM', key.outbox, owed)
  return 0
end
redis.call('ZADD', key.outbox, now, owed)
return 1
