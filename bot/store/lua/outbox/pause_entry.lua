-- Ends a try at an entry of the outbox, and makes it due again later. The entry and its subject are
-- kept for at least `keep` seconds more. With `may_be_done`, Slack may have accepted the entry.
-- include: now_ms
local subject = KEYS[1]
local outbox = KEYS[2]
local owed = ARGV[1]
local begun = ARGV[2]
local may_be_done = ARGV[3] == '1'
local after_ms = tonumber(ARGV[4])
local keep = tonumber(ARGV[5])

for _, key in ipairs({subject, outbox}) do
  if redis.call('TTL', key) < keep then redis.call('EXPIRE', key, keep) end
end
redis.call('ZADD', outbox, 'XX', now_ms() + after_ms, owed)
if not may_be_done then return redis.call('HDEL', subject, begun) end
if redis.call('EXISTS', subject) == 1 then redis.call('HSET', subject, begun, 0) end
return 1
