-- Ends a report on a reply. `noticed_in` is the thread that it told that the reply waits, or ''.
-- Returns the reply's state and outcome.
local owed = ARGV[1]
local held = ARGV[2]
local noticed_in = ARGV[3]

local reply, begun, holds = try_of(owed)
local is = redis.call('HMGET', reply, 'state', 'meanwhile', 'outcome')
if holds == held then
  redis.call('HDEL', reply, begun)
  if noticed_in ~= '' then redis.call('HSET', reply, 'noticed', noticed_in) end
  redis.call('ZREM', key.outbox, owed)
  -- The reply was taken back while its report still needed the text (`note_change`).
  if is[1] == 'done' and is[2] == '' then redis.call('HDEL', reply, 'reply') end
end
return {is[1] or '', is[3] or ''}
