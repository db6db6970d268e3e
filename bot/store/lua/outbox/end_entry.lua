-- Ends a try and its entry of the outbox. It `leaves` 'all' of the subject; or the 'fact' that it
-- was owed, without its content; or 'nothing', so that it may be owed again. `delay_told_in` is
-- the thread that was told that a reply waits, or ''; if it no longer does, the entry is due again,
-- for that to be taken back.
local owed = ARGV[1]
local held = ARGV[2]
local leaves = ARGV[3]
local delay_told_in = ARGV[4]

local record, begun, holds = try_of(owed)
if holds ~= held then return 0 end
redis.call('HDEL', record, begun)
local state, meanwhile = unpack(redis.call('HMGET', record, 'state', 'meanwhile'))
-- The reply was taken back while its report still needed the text (`note_change`).
if state == 'done' and meanwhile == '' then redis.call('HDEL', record, 'reply', 'files') end
if leaves == 'fact' then redis.call('HDEL', record, 'content') end
if leaves == 'nothing' then redis.call('DEL', record) end
if delay_told_in ~= '' then
  redis.call('HSET', record, 'delay_told_in', delay_told_in)
  local is_over = state == 'done' or state == 'withdrawn'
  if is_over then return redis.call('ZADD', key.outbox, now_ms(), owed) end
end
return redis.call('ZREM', key.outbox, owed)
