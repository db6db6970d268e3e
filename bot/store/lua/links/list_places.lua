-- Returns the channels with linked threads, latest traffic first, to the hour.
local places = KEYS[1]
local link_ttl_ms = tonumber(ARGV[1])
local limit = tonumber(ARGV[2])

local time = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', places, '-inf', (time[1] - 3600) * 1000 - link_ttl_ms)
return redis.call('ZREVRANGE', places, 0, limit - 1)
