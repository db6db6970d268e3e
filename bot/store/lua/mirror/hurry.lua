-- Has a session polled now; if `by` is not '', keeps that they have ended it.
-- include: now_ms
local session = ARGV[1]
local by = ARGV[2]

local watched = key.watched(session)
if by ~= '' and redis.call('EXISTS', watched) == 1 then
  redis.call('HSET', watched, 'ended_by', by)
end
return redis.call('ZADD', key.watch, 'XX', 'LT', now_ms(), session)
