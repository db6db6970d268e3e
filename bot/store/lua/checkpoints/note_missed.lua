-- Notes refused events: the name of each thread, the `ts` in microseconds to read from, whether the
-- event was for the bot itself, which counts even in a thread without a link, and whether mail
-- waits for it. Returns how many threads count.
-- include: miss
-- include: begin_gap
local within_ms = tonumber(ARGV[1])
local threads = cjson.decode(ARGV[2])

local noted = 0
for _, thread in ipairs(threads) do
  local name, from, is_for_bot, holds = unpack(thread)
  local is_missed = miss(name, from, holds)
  if not is_missed and is_for_bot then
    redis.call('ZADD', key.unread, 'LT', from, name)
    is_missed = true
  end
  if is_missed then noted = noted + 1 end
end
if noted > 0 then begin_gap(within_ms) end
return noted
