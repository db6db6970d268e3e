-- Returns 1 to the first caller, and to the same caller again: redis-py sends the script twice if a
-- connection breaks. `former` is the name that an earlier version gave the claim.
local claim = KEYS[1]
local former = KEYS[2]
local token = ARGV[1]
local keep = tonumber(ARGV[2])

local before = redis.call('GET', former)
if before then return before == token and 1 or 0 end
if redis.call('SET', claim, token, 'NX', 'EX', keep) then return 1 end
return redis.call('GET', claim) == token and 1 or 0
