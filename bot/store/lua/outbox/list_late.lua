-- Lists the entries of the outbox that have been due for `grace_ms`, the longest due first.
local grace_ms = tonumber(ARGV[1])
local limit = tonumber(ARGV[2])

return redis.call('ZRANGE', key.outbox, '-inf', now_ms() - grace_ms, 'BYSCORE', 'LIMIT', 0, limit)
