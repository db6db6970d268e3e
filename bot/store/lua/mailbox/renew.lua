-- Renews a lease, unless it has expired or belongs to another token. `leased` is a
-- session, or 'catch-up'.
local leased = ARGV[1]
local token = ARGV[2]
local lease_ms = tonumber(ARGV[3])

local lease = key.lease(leased)
if redis.call('GET', lease) ~= token then return 0 end
return redis.call('PEXPIRE', lease, lease_ms)
