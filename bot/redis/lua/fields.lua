-- Returns the strings at `keys`, or the fields `names`, if there are any, of each of the hashes
-- there. Above 0, `ttl` is for how many seconds the keys are kept from now on.
local keys = cjson.decode(ARGV[1])
local names = cjson.decode(ARGV[2])
local ttl = tonumber(ARGV[3])

for i, name in ipairs(keys) do
  keys[i] = KEYS[1] .. name
  if ttl > 0 then redis.call('EXPIRE', keys[i], ttl) end
end
if #names == 0 then return redis.call('MGET', unpack(keys)) end
local found = {}
for i, key in ipairs(keys) do found[i] = redis.call('HMGET', key, unpack(names)) end
return found
