-- Replaces a link, keeping its TTL, if it still is what it `was`. Returns 1, or 0 if it is not.
local link = KEYS[1]
local was = ARGV[1]
local new = ARGV[2]

if redis.call('GET', link) ~= was then return 0 end
redis.call('SET', link, new, 'KEEPTTL')
return 1
