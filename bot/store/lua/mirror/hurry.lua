-- Has a watched session polled now.
-- include: now_ms
local session = ARGV[1]

return redis.call('ZADD', key.watch, 'XX', 'LT', now_ms(), session)
