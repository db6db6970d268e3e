-- Returns the strings at `keys`, or one field, if it has a `name`, of each of the hashes there.
local keys = KEYS
local name = ARGV[1]

if name == '' then return redis.call('MGET', unpack(keys)) end
local found = {}
for i, key in ipairs(keys) do found[i] = redis.call('HGET', key, name) end
return found
