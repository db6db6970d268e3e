-- Lets one caller sweep in each `every_ms`. Returns 0 to it, and to others the ms until the next.
local sweep = KEYS[1]
local every_ms = tonumber(ARGV[1])

if redis.call('SET', sweep, 1, 'NX', 'PX', every_ms) then return 0 end
return math.max(1, redis.call('PTTL', sweep))
