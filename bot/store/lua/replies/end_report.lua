-- Ends a report on a reply. With `gave_notice`, the report told the thread that the reply waits.
-- Returns the reply's state.
local reply = KEYS[1]
local outbox = KEYS[2]
local owed = ARGV[1]
local gave_notice = ARGV[2] == '1'

if gave_notice and redis.call('EXISTS', reply) == 1 then
  redis.call('HSET', reply, 'noticed', 1)
end
redis.call('ZREM', outbox, owed)
local is = redis.call('HMGET', reply, 'state', 'meanwhile')
-- The reply was taken back while its report still needed the text (`note_change`).
if is[1] == 'done' and is[2] == '' then redis.call('HDEL', reply, 'reply') end
return is[1] or ''
