-- Notes that threads may miss messages: the name of each, the `ts` (in us) to read from, or else
-- from its link on; whether that is for the bot itself, which counts also in a thread that is
-- muted or has no link, and before its link; and whether mail waits, so that it is read first. With
-- `begins`, all threads are, and a gap begins even if none counts. A process that starts tells with
-- `unheard` until when all was kept before, else it is ''. A `ts` just before the link, by a
-- microsecond, stays: see `CatchUp._read`.
local within_ms = tonumber(ARGV[1])
local threads = cjson.decode(ARGV[2])
local begins = ARGV[3] == '1'
local unheard = ARGV[4]

local noted = {}
for _, thread in ipairs(threads) do
  local name, from, is_for_bot, is_read_first = unpack(thread)
  local is_json, link = pcall(cjson.decode, redis.call('GET', key.link(name)) or '')
  local takes_replies = is_json and type(link) == 'table' and link.session and not link.muted
  local since = takes_replies and tonumber(link.since or 0)
  local is_first = takes_replies and is_read_first
  if is_first then redis.call('ZADD', key.read_first, 'NX', 0, link.session) end
  if takes_replies and not is_for_bot and from < since - 1 then from = since end
  if takes_replies or is_for_bot then
    redis.call('ZADD', key.unread, 'LT', from, name)
    noted[#noted + 1] = name
  end
end
if not (begins or noted[1]) then return 1 end
local time = redis.call('TIME')
local gap = time[1] * 1000000 + time[2]
redis.call('HSET', key.heard, 'gap', gap)
if unheard ~= '' then
  local before = redis.call('HGET', key.heard, 'unheard')
  if before and tonumber(before) < tonumber(unheard) then unheard = before end
  redis.call('HSET', key.heard, 'started', gap, 'unheard', unheard)
else
  for _, name in ipairs(noted) do redis.call('HSET', key.heard, 'noted:' .. name, gap) end
end
local kept = {key.heard, key.unread, key.read_first}
for _, one in ipairs(kept) do redis.call('PEXPIRE', one, within_ms) end
return 1
