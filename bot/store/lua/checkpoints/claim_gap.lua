-- Takes the lease on the backfill. Returns the gap, 'none' without one, or 'held' if another
-- process has the lease.
local gap = KEYS[1]
local catching_up = KEYS[2]
local token = ARGV[1]
local lease_ms = tonumber(ARGV[2])

local wanted = redis.call('GET', gap)
if not wanted then return 'none' end
local holder = redis.call('GET', catching_up)
if holder and holder ~= token then return 'held' end
redis.call('SET', catching_up, token, 'PX', lease_ms)
return wanted
