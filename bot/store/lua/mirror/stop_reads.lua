-- Lets nobody read for `pause_ms`, as Devin has asked for.
-- include: now_ms
local pause_ms = tonumber(ARGV[1])
local per_minute = tonumber(ARGV[2])
local burst = tonumber(ARGV[3])

local now = now_ms()
local full = now + pause_ms + burst * 60000 / math.max(1, per_minute - burst)
local spent = math.max(full, tonumber(redis.call('GET', key.reads) or 0))
redis.call('SET', key.reads, string.format('%.0f', spent), 'PX', math.ceil(spent - now) + 60000)
return 1
