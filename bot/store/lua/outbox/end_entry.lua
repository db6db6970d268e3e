-- Ends a try and its entry of the outbox. It `leaves` 'all' of the subject; or the 'fact' that it
-- was owed, without its content; or 'nothing', so that it may be owed again.
local owed = ARGV[1]
local held = ARGV[2]
local leaves = ARGV[3]

local record, begun, holds = try_of(owed)
if holds ~= held then return 0 end
redis.call('HDEL', record, begun)
if leaves == 'fact' then redis.call('HDEL', record, 'asked') end
if leaves == 'nothing' then redis.call('DEL', record) end
return redis.call('ZREM', key.outbox, owed)
