-- Returns the gap; the threads to read, each with the `ts` to read from; and the time of the latest
-- traffic of each, '0' if its link is gone.
local gap = KEYS[1]
local unread = KEYS[2]
local threads = KEYS[3]

local found, traffic = redis.call('ZRANGE', unread, 0, -1, 'WITHSCORES'), {}
for place = 1, #found, 2 do
  traffic[#traffic + 1] = redis.call('ZSCORE', threads, found[place]) or '0'
end
return {redis.call('GET', gap) or '', found, traffic}
