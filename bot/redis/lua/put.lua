local key = KEYS[1]
local text = ARGV[1]
local ttl = tonumber(ARGV[2])

return redis.call('SET', key, text, 'EX', ttl)
