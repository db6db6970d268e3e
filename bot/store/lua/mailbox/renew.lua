-- Renews a lease, unless it is another's, or has expired.
local lease = KEYS[1]
local token = ARGV[1]
local lease_ms = tonumber(ARGV[2])

if redis.call('GET', lease) ~= token then return 0 end
return redis.call('PEXPIRE', lease, lease_ms)
