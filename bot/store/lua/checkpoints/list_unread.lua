-- Returns the gap; the threads to read, each with the `ts` to read from; and the time of the latest
-- traffic of each, '0' if its link is gone.

local found, traffic = redis.call('ZRANGE', key.unread, 0, -1, 'WITHSCORES'), {}
for place = 1, #found, 2 do
  traffic[#traffic + 1] = redis.call('ZSCORE', key.threads, found[place]) or '0'
end
return {redis.call('HGET', key.heard, 'gap') or '', found, traffic}
