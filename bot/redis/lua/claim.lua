-- Returns 1 to the first caller, and to the same caller again: redis-py sends the script twice if a
-- connection breaks.
local key = KEYS[1] .. ARGV[1]
local token = ARGV[2]
local ttl = tonumber(ARGV[3])

if redis.call('SET', key, token, 'NX', 'EX', ttl) then return 1 end
return redis.call('GET', key) == token and 1 or 0
