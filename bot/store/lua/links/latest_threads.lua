-- Returns a channel's threads and their last traffic, latest first.
local threads = KEYS[1]
local limit = tonumber(ARGV[1])

return redis.call('ZREVRANGE', threads, 0, limit - 1, 'WITHSCORES')
