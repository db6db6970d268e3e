-- Returns 1 to the first caller within `within_ms`, and 0 to the others.
local key = KEYS[1]
local within_ms = tonumber(ARGV[1])

return redis.call('SET', key, 1, 'NX', 'PX', within_ms) and 1 or 0
