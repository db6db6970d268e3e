-- Sets the string at `key` to `text`, '' for none, for `ttl` seconds, if it still is what it `was`.
-- Returns 1, also if it is that already, or 0 if the key has to be read again.
local key = KEYS[1] .. ARGV[1]
local was = ARGV[2]
local text = ARGV[3]
local ttl = tonumber(ARGV[4])

local found = redis.call('GET', key) or ''
if found ~= was and found ~= text then return 0 end
if text == '' then redis.call('DEL', key) else redis.call('SET', key, text, 'EX', ttl) end
return 1
