-- Returns one field of each of the hashes at `keys`.
local keys = KEYS
local name = ARGV[1]

local found = {}
for i, key in ipairs(keys) do found[i] = redis.call('HGET', key, name) end
return found
