local key = KEYS[1]
local name = ARGV[1]

return redis.call('HGET', key, name)
