-- Takes the lease on a migration of keys. Returns 'busy' while another token has it; else 'again'
-- if an earlier one has found nothing left to move, or 'first'.
local lease = KEYS[1]
local done = KEYS[2]
local token = ARGV[1]
local lease_ms = tonumber(ARGV[2])

local holder = redis.call('GET', lease)
if holder and holder ~= token then return 'busy' end
redis.call('SET', lease, token, 'PX', lease_ms)
return redis.call('EXISTS', done) == 1 and 'again' or 'first'
