-- Takes the lease on the backfill. Returns the gap, 'none' without one, or 'held' if another
-- process has the lease.
local token = ARGV[1]
local lease_ms = tonumber(ARGV[2])

local wanted = redis.call('GET', key.gap)
if not wanted then return 'none' end
local lease = key.lease('catch-up')
local holder = redis.call('GET', lease)
if holder and holder ~= token then return 'held' end
redis.call('SET', lease, token, 'PX', lease_ms)
return wanted
