-- Returns the gap; the threads to read, each with the `ts` to read from; the time of the latest
-- traffic of each, '0' if its link is gone; and for each the checkpoint before a start, if nothing
-- else asks for it to be read, or ''.

local found, traffic, unheard = redis.call('ZRANGE', key.unread, 0, -1, 'WITHSCORES'), {}, {}
local before = redis.call('HGET', key.heard, 'unheard') or ''
for place = 1, #found, 2 do
  local name = found[place]
  traffic[#traffic + 1] = redis.call('ZSCORE', key.threads, name) or '0'
  local is_noted = redis.call('HEXISTS', key.heard, 'noted:' .. name) == 1
  unheard[#unheard + 1] = is_noted and '' or before
end
return {redis.call('HGET', key.heard, 'gap') or '', found, traffic, unheard}
