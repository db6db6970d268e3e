-- Returns a channel's default, and keeps it for another `ttl` seconds.
local default = KEYS[1]
local ttl = tonumber(ARGV[1])

return redis.call('GETEX', default, 'EX', ttl)
