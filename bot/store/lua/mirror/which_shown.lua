-- Returns for each of `ids` 1 if that message was read before, else 0.
local shown = KEYS[1]
local ids = cjson.decode(ARGV[1])

local found = {}
for i, id in ipairs(ids) do found[i] = redis.call('ZSCORE', shown, id) and 1 or 0 end
return found
