-- Owes an entry of the outbox, once for each subject: the record outlives what is owed, so that
-- asking again later does not owe it a second time. Returns 1 while it has still to be done.
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
return 1
