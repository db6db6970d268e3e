-- Returns a channel's threads, those with the oldest traffic first.
local threads = KEYS[1]
local limit = tonumber(ARGV[1])

return redis.call('ZRANGE', threads, 0, limit - 1)
