-- Ends a try at an entry of the outbox, and makes it due again later. The entry and its subject are
-- kept for at least `keep` seconds more. With `may_be_done`, Slack may have accepted the entry.
local owed = ARGV[1]
local held = ARGV[2]
local may_be_done = ARGV[3] == '1'
local after_ms = tonumber(ARGV[4])
local keep = tonumber(ARGV[5])

local record, begun, holds = try_of(owed)
if holds ~= held then return 0 end
for _, name in ipairs({record, key.outbox}) do prolong(name, keep) end
redis.call('ZADD', key.outbox, 'XX', now_ms() + after_ms, owed)
if may_be_done then return redis.call('HSET', record, begun, 0) end
return redis.call('HDEL', record, begun)
