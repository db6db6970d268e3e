-- Returns 1 to the first caller, and to the same caller again: redis-py sends the script twice if a
-- connection breaks.
local what = ARGV[1]
local token = ARGV[2]
local ttl = tonumber(ARGV[3])

local claim = key.once(what)
if redis.call('SET', claim, token, 'NX', 'EX', ttl) then return 1 end
return redis.call('GET', claim) == token and 1 or 0
