-- Returns the sessions whose mail waits for their threads to be read, the longest wait first.
local limit = tonumber(ARGV[1])

return redis.call('ZRANGE', key.behind, 1, '+inf', 'BYSCORE', 'LIMIT', 0, limit)
