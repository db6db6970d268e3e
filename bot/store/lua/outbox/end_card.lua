-- Ends a try at a card that was begun after so many `requests`: notes its `ts`, what it shows,
-- its `slot`, and with `is_open` that it has shown what Devin does. With a `rest_ms` of 0 or more
-- the entry rests that long, or until it was to be told anyway if the slot is the same, unless an
-- edit is asked for before.
-- Returns the ms after which it must be edited, since that was asked for meanwhile, or -1.
local owed = ARGV[1]
local held = ARGV[2]
local requests = ARGV[3]
local ts = ARGV[4]
local shows = ARGV[5]
local slot = ARGV[6]
local is_open = ARGV[7] == '1'
local card_pause_ms = tonumber(ARGV[8])
local rest_ms = tonumber(ARGV[9])

local card, begun, holds = try_of(owed)
if holds ~= held then return -1 end
local now = now_ms()
redis.call('HDEL', card, begun)
if is_open then redis.call('HSET', card, 'open', 1) end
local was = redis.call('HMGET', card, 'requests', 'ts', 'shows', 'slot', 'rests_until')
if was[1] ~= requests and string.sub(was[4] or '', 1, 1) == ' ' then
  -- Its status was doubted (`want_card_of`), perhaps after this try had Slack set it.
  slot = string.gsub(slot, '^%S*', '')
end
if slot ~= (was[4] or '') then redis.call('HSET', card, 'slot', slot) end
if ts ~= (was[2] or '') or shows ~= (was[3] or '') then
  redis.call('HSET', card, 'ts', ts, 'shows', shows, 'edited', now)
end
if was[1] == requests and rest_ms >= 0 then
  local rests_until, before = now + rest_ms, tonumber(was[5] or 0)
  if slot == was[4] and before > now then rests_until = math.min(rests_until, before) end
  redis.call('HSET', card, 'rests_until', rests_until)
  redis.call('ZADD', key.outbox, rests_until, owed)
  return -1
end
if was[1] == requests then
  redis.call('ZREM', key.outbox, owed)
  return -1
end
redis.call('ZADD', key.outbox, now + card_pause_ms, owed)
return card_pause_ms
