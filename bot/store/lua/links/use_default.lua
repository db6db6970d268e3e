-- Returns a channel's default, and keeps it for another `link_ttl` seconds.
local channel = ARGV[1]
local link_ttl = tonumber(ARGV[2])

return redis.call('GETEX', key.default(channel), 'EX', link_ttl)
