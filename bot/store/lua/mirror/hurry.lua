-- Has a watched session polled now.
local session = ARGV[1]

return redis.call('ZADD', key.watch, 'XX', 'LT', now_ms(), session)
