-- Forgets that a channel has linked threads.
local places = KEYS[1]
local channel = ARGV[1]

return redis.call('ZREM', places, channel)
