-- Returns the sessions whose mail waits for their threads to be read, the longest wait first.
local behind = KEYS[1]
local limit = tonumber(ARGV[1])

return redis.call('ZRANGE', behind, 1, '+inf', 'BYSCORE', 'LIMIT', 0, limit)
