-- Returns the strings at `keys`, or the fields `names`, if there are any, of each of the hashes
-- there; for `*`, all of them, each with its value.
local keys = cjson.decode(ARGV[1])
local names = cjson.decode(ARGV[2])

local get, found = names[1] and 'HMGET' or 'GET', {}
if names[1] == '*' then get, names = 'HGETALL', {} end
for i, name in ipairs(keys) do
  found[i] = redis.call(get, KEYS[1] .. name, unpack(names))
end
return found
