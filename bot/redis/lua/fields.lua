-- Returns the strings at `keys`, or the fields `names`, if there are any, of each of the hashes
-- there. Above 0, `ttl` is for how many seconds the keys are kept from now on.
local keys = cjson.decode(ARGV[1])
local names = cjson.decode(ARGV[2])
local ttl = tonumber(ARGV[3])

local get, found = names[1] and 'HMGET' or 'GET', {}
for i, name in ipairs(keys) do
  local key = KEYS[1] .. name
  if ttl > 0 then redis.call('EXPIRE', key, ttl) end
  found[i] = redis.call(get, key, unpack(names))
end
return found
