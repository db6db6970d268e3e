-- Counts a call with a `name` no more.
local calls = KEYS[1] .. ARGV[1]
local name = ARGV[2]

return redis.call('ZREM', calls, name)
