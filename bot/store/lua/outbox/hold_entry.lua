-- Keeps others out of a try for longer, if it is still the one that has kept them out until
-- `until_ms`. Returns the time until which it does now, or 0.
-- include: now_ms
local subject = KEYS[1]
local outbox = KEYS[2]
local owed = ARGV[1]
local begun = ARGV[2]
local until_ms = ARGV[3]
local retry_ms = tonumber(ARGV[4])
local trying_ms = tonumber(ARGV[5])

if redis.call('HGET', subject, begun) ~= until_ms then return 0 end
local now = now_ms()
redis.call('HSET', subject, begun, now + trying_ms)
redis.call('ZADD', outbox, 'XX', now + retry_ms, owed)
return now + trying_ms
