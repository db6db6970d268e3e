-- Adds an entry to the outbox, once for each subject: the subject's record outlives the entry, so
-- that a later request does not add it a second time. Returns 2 if it was added, 1 while it is
-- still to be done, else 0.
-- include: now_ms
local subject = KEYS[1]
local outbox = KEYS[2]
local owed = ARGV[1]
local asked = ARGV[2]
local keep = tonumber(ARGV[3])

if redis.call('EXISTS', subject) == 1 then
  return redis.call('ZSCORE', outbox, owed) and 1 or 0
end
redis.call('HSET', subject, 'asked', asked, 'round', 1)
redis.call('EXPIRE', subject, keep)
redis.call('ZADD', outbox, now_ms(), owed)
redis.call('EXPIRE', outbox, keep)
return 2
