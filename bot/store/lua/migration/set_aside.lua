-- Sets aside all keys that begin with `every`, in this one step: each gets the prefix `aside` and
-- keeps its TTL. For `fence_ms`, a stream takes the place of each, and of the `shared` ones also
-- where there was none. No version has a key of that type, so every command of a process that still
-- expects the key there fails. What a migration itself needs stays, and so does `alive`.
-- Returns the number of keys.
local shared = KEYS
local every = ARGV[1]
local aside = ARGV[2]
local own = ARGV[3]
local alive = ARGV[4]
local fence_ms = tonumber(ARGV[5])

local function fence(key)
  if fence_ms == 0 or redis.call('EXISTS', key) == 1 then return end
  redis.call('XADD', key, '*', 'moved', 1)
  redis.call('PEXPIRE', key, fence_ms)
end

local found, cursor = {}, '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', every .. '*', 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    if key ~= alive and string.sub(key, 1, #own) ~= own then found[key] = true end
  end
until cursor == '0'
local count = 0
for key in pairs(found) do
  local name = string.sub(key, #every + 1)
  if redis.call('TYPE', key).ok ~= 'stream' and redis.call('RENAMENX', key, aside .. name) == 1 then
    fence(key)
    count = count + 1
  end
end
for _, key in ipairs(shared) do fence(key) end
return count
