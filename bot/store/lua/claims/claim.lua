-- Returns 1 to the first caller, and to the same caller again: redis-py sends the script twice if a
-- connection breaks.
local claim = KEYS[1]
local token = ARGV[1]
local keep = tonumber(ARGV[2])

if redis.call('SET', claim, token, 'NX', 'EX', keep) then return 1 end
return redis.call('GET', claim) == token and 1 or 0
