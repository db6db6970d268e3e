-- Has a session looked at now.
-- include: now_ms
local watch = KEYS[1]
local session = ARGV[1]

return redis.call('ZADD', watch, 'XX', 'LT', now_ms(), session)
