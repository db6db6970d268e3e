-- Notes that a channel's id has changed, for as long as a link is kept.
local moved = KEYS[1]
local came = KEYS[2]
local old = ARGV[1]
local new = ARGV[2]
local keep_ms = tonumber(ARGV[3])

redis.call('SET', came, old, 'PX', keep_ms)
return redis.call('SET', moved, new, 'PX', keep_ms)
