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
local requested, old_ts, shown, old_slot, rested_until = unpack(
  redis.call('HMGET', card, 'requests', 'ts', 'shows', 'slot', 'rests_until'))
if requested ~= requests and string.sub(old_slot or '', 1, 1) == ' ' then
  -- Its status was doubted (`want_card_of`), perhaps after this try had Slack set it.
  slot = string.gsub(slot, '^%S*', '')
end
if slot ~= (old_slot or '') then redis.call('HSET', card, 'slot', slot) end
if ts ~= (old_ts or '') or shows ~= (shown or '') then
  redis.call('HSET', card, 'ts', ts, 'shows', shows, 'edited', now)
end
if requested == requests and rest_ms >= 0 then
  local rests_until, before = now + rest_ms, tonumber(rested_until or 0)
  if slot == old_slot and before > now then rests_until = math.min(rests_until, before) end
  redis.call('HSET', card, 'rests_until', rests_until)
  redis.call('ZADD', key.outbox, rests_until, owed)
  return -1
end
if requested == requests then
  redis.call('ZREM', key.outbox, owed)
  return -1
end
redis.call('ZADD', key.outbox, now + card_pause_ms, owed)
return card_pause_ms
