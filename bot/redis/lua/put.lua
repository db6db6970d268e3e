-- Sets the string at `key` for `ttl` seconds, or a `field` of the hash there, which is then kept
-- for at least that time.
local key = KEYS[1]
local text = ARGV[1]
local ttl = tonumber(ARGV[2])
local field = ARGV[3]

if field == '' then return redis.call('SET', key, text, 'EX', ttl) end
redis.call('HSET', key, field, text)
if redis.call('TTL', key) < ttl then redis.call('EXPIRE', key, ttl) end
return 'OK'
