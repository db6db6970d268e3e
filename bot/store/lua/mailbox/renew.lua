-- Renews a lease, unless it has expired or belongs to another token. Serves all kinds of leases.
local lease = KEYS[1]
local token = ARGV[1]
local lease_ms = tonumber(ARGV[2])

if redis.call('GET', lease) ~= token then return 0 end
return redis.call('PEXPIRE', lease, lease_ms)
