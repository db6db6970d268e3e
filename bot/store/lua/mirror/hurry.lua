-- Has a session looked at now; if `by` is not '', keeps that they have ended it.
-- include: now_ms
local watch = KEYS[1]
local watched = KEYS[2]
local session = ARGV[1]
local by = ARGV[2]
local keep = tonumber(ARGV[3])

if by ~= '' then
  redis.call('HSET', watched, 'ended_by', by)
  redis.call('EXPIRE', watched, keep)
end
return redis.call('ZADD', watch, 'XX', 'LT', now_ms(), session)
