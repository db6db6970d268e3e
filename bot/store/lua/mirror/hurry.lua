-- Has a session polled now; if `by` is not '', keeps that they have ended it.
-- include: now_ms
local watch = KEYS[1]
local watched = KEYS[2]
local session = ARGV[1]
local by = ARGV[2]

if by ~= '' and redis.call('EXISTS', watched) == 1 then
  redis.call('HSET', watched, 'ended_by', by)
end
return redis.call('ZADD', watch, 'XX', 'LT', now_ms(), session)
