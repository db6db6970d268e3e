-- Adds an entry to the outbox, due at `due_ms` or else now, once for each subject: the subject's
-- record outlives the entry, so that a later request does not add it a second time. Returns 2 if it
-- was added, 1 while it is still to be done, else 0.
local subject = ARGV[1]
local owed = ARGV[2]
local content = ARGV[3]
local keep = tonumber(ARGV[4])
local due_ms = tonumber(ARGV[5])

local record, is_open = key.subject(subject), redis.call('ZSCORE', key.outbox, owed)
if redis.call('EXISTS', record) == 1 then return is_open and 1 or 0 end
redis.call('HSET', record, 'content', content, 'round', 1)
redis.call('EXPIRE', record, keep)
redis.call('ZADD', key.outbox, math.max(now_ms(), due_ms), owed)
prolong(key.outbox, keep)
return 2
