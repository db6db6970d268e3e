-- Ends a try at an entry of the outbox, and makes it due again later. The entry and its subject are
-- kept for at least `keep.tried` more. With `may_be_done`, Slack may have accepted the entry.
-- include: now_ms
-- include: prolong
local subject = ARGV[1]
local owed = ARGV[2]
local begun = ARGV[3]
local may_be_done = ARGV[4] == '1'
local after_ms = tonumber(ARGV[5])

local record = key.subject(subject)
prolong(record, keep.tried)
prolong(key.outbox, keep.tried)
redis.call('ZADD', key.outbox, 'XX', now_ms() + after_ms, owed)
if not may_be_done then return redis.call('HDEL', record, begun) end
if redis.call('EXISTS', record) == 1 then redis.call('HSET', record, begun, 0) end
return 1
