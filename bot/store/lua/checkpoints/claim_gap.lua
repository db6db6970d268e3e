-- Takes the lease on the backfill. Returns the gap; '' if there is none, or another process has the
-- lease.
local token = ARGV[1]
local lease_ms = tonumber(ARGV[2])

local gap = redis.call('GET', key.gap)
local lease = key.lease('catch-up')
if not gap or (redis.call('GET', lease) or token) ~= token then return '' end
redis.call('SET', lease, token, 'PX', lease_ms)
return gap
