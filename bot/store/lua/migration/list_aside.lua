-- Returns the next cursor of a scan of the keys that were set aside, and some of them: each name
-- without the prefix, its TTL in ms, and its serialized value in hexadecimal digits.
local aside = KEYS[1]
local cursor = ARGV[1]
local count = tonumber(ARGV[2])

local HEX = {}
for byte = 0, 255 do HEX[string.char(byte)] = string.format('%02x', byte) end

local page, found = redis.call('SCAN', cursor, 'MATCH', aside .. '*', 'COUNT', count), {}
for _, key in ipairs(page[2]) do
  local value = redis.call('DUMP', key)
  if value then
    local digits = string.gsub(value, '.', HEX)
    found[#found + 1] = {string.sub(key, #aside + 1), redis.call('PTTL', key), digits}
  end
end
return {page[1], found}
