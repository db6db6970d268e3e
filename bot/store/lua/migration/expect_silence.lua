-- Notes processes of an earlier version as a listener that has kept everything until now and is
-- last heard of after `silent_ms`: what they acknowledge without knowing newer keys is then read.
-- include: now_ms
local listeners = KEYS[1]
local name = ARGV[1]
local silent_ms = tonumber(ARGV[2])
local keep = tonumber(ARGV[3])

local now = now_ms()
-- As text: Lua would write such a number with an exponent.
local said = string.format('%.0f:%.0f', now * 1000, now + silent_ms)
redis.call('HSET', listeners, name, said)
if redis.call('TTL', listeners) < keep then redis.call('EXPIRE', listeners, keep) end
return 1
