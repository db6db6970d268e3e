-- Returns a channel's threads with traffic within the last `within_ms`, latest first.
local threads = KEYS[1]
local within_ms = tonumber(ARGV[1])
local limit = tonumber(ARGV[2])

local since = redis.call('TIME')[1] * 1000 - within_ms
return redis.call('ZREVRANGEBYSCORE', threads, '+inf', since, 'LIMIT', 0, limit)
