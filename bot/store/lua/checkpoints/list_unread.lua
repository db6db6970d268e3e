-- Returns the gap, the threads to read, each with the `ts` to read from, and the threads with
-- traffic, latest first.
local gap = KEYS[1]
local unread = KEYS[2]
local recent = KEYS[3]

return {redis.call('GET', gap) or '', redis.call('ZRANGE', unread, 0, -1, 'WITHSCORES'),
        redis.call('ZRANGE', recent, 0, -1, 'REV')}
