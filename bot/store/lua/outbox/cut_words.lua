-- Returns what is being posted in a thread: the batch of an earlier try, or else the first items
-- that wait in the entry's queue, of one session, up to `most` and `most_bytes` of them; then the
-- batch's number, what was noted of its parts, `since`, which was the time at Slack then, and the
-- time. Returns nothing if there is none, or if another try holds the entry.
local owed = ARGV[1]
local held = ARGV[2]
local thread = ARGV[3]
local most = tonumber(ARGV[4])
local most_bytes = tonumber(ARGV[5])
local since = ARGV[6]

local now, queue = now_ms(), queue_of(owed, thread)
local subject, _, holds = try_of(owed)
if holds ~= held then return false end
local posting, number, notes, began = unpack(
  redis.call('HMGET', subject, 'posting', 'batch', 'notes', 'since'))
if posting then return {posting, number, notes or '', began or '', now} end
local items, bytes, session = {}, 0, nil
for _, item in ipairs(redis.call('LRANGE', queue, 0, most - 1)) do
  -- Quotes are escaped in a text, so this is the field.
  local of = string.match(item, '"session":"([^"]*)"')
  session, bytes = session or of, bytes + #item
  if #items > 0 and (bytes > most_bytes or (of and of ~= session)) then break end
  items[#items + 1] = item
end
if #items == 0 then return false end
local batch = redis.call('HINCRBY', subject, 'batch', 1)
local text = cjson.encode(items)
redis.call('HSET', subject, 'posting', text, 'since', since)
redis.call('LTRIM', queue, #items, -1)
return {text, batch, notes or '', since, now}
