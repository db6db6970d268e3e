-- Returns the strings at `keys`, or the fields `names`, if there are any, of each of the hashes
-- there.
local keys = cjson.decode(ARGV[1])
local names = cjson.decode(ARGV[2])

local get, found = names[1] and 'HMGET' or 'GET', {}
for i, name in ipairs(keys) do
  found[i] = redis.call(get, KEYS[1] .. name, unpack(names))
end
return found
