-- Notes that threads may miss messages: the name of each, the `ts` (in us) to read from, whether
-- that is for the bot itself, which counts also in a thread without a link and before its link, and
-- whether mail waits for it. With `begins`, a gap begins even if none of the threads counts.
local within_ms = tonumber(ARGV[1])
local threads = cjson.decode(ARGV[2])
local begins = ARGV[3] == '1'

local is_noted = begins
for _, thread in ipairs(threads) do
  local name, from, is_for_bot, holds = unpack(thread)
  local is_missed = miss(name, from, holds)
  if is_for_bot then redis.call('ZADD', key.unread, 'LT', from, name) end
  is_noted = is_noted or is_missed or is_for_bot
end
if is_noted then begin_gap(within_ms) end
return 1
