-- Notes that threads may miss messages: the name of each, the `ts` (in us) to read from, whether
-- that is for the bot itself, which counts also in a thread without a link and before its link, and
-- whether mail waits for it. With `begins`, all threads are, and a gap begins even if none counts.
local within_ms = tonumber(ARGV[1])
local threads = cjson.decode(ARGV[2])
local begins = ARGV[3] == '1'

local noted = {}
for _, thread in ipairs(threads) do
  local name, from, is_for_bot, puts_behind = unpack(thread)
  local is_missed = miss(name, from, puts_behind)
  if is_for_bot then redis.call('ZADD', key.unread, 'LT', from, name) end
  if is_missed or is_for_bot then noted[#noted + 1] = name end
end
if not (begins or noted[1]) then return 1 end
local time = redis.call('TIME')
local gap = time[1] * 1000000 + time[2]
redis.call('HSET', key.heard, 'gap', gap)
for _, name in ipairs(noted) do redis.call('HSET', key.heard, 'noted:' .. name, gap) end
local kept = {key.heard, key.unread, key.behind}
for _, one in ipairs(kept) do redis.call('PEXPIRE', one, within_ms) end
return 1
