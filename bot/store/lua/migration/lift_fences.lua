-- Deletes all fences under the prefix `every`.
local every = KEYS[1]

local fences, cursor = {}, '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', every .. '*', 'COUNT', 1000, 'TYPE', 'stream')
  cursor = page[1]
  for _, key in ipairs(page[2]) do fences[#fences + 1] = key end
until cursor == '0'
for _, key in ipairs(fences) do redis.call('DEL', key) end
return #fences
