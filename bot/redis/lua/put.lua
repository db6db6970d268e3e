-- Sets the string at `key` for `ttl` seconds, or a `field` of the hash there, which is then kept
-- for at least that time. A `ttl` of 0 deletes the key.
local key = KEYS[1] .. ARGV[1]
local text = ARGV[2]
local ttl = tonumber(ARGV[3])
local field = ARGV[4]

if ttl == 0 then return redis.call('DEL', key) end
if field == '' then return redis.call('SET', key, text, 'EX', ttl) end
redis.call('HSET', key, field, text)
if redis.call('TTL', key) < ttl then redis.call('EXPIRE', key, ttl) end
return 'OK'
