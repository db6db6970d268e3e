-- Records a poll: what the session is now, the `read_ids` of messages that were read ('': as
-- before), the items to be `said` (a thread each), the linked threads that are `caught_up`, and the
-- threads whose `cards` change. Both are traffic of their threads. Nothing is recorded unless the
-- session is as it was `before`: the first one of two polls counts, and none of before a thread
-- was linked. Each total that has moved, the session's and its children's (`used`), goes into the
-- ledger. If it `tells` people something that they may answer, a reply that is sent from now
-- on may be the answer. The next poll comes in `after_ms`; see `put_off`.
-- Returns nothing if it isn't recorded, or the entries of the threads with something to say and of
-- the cards, each with the ms until it is due.
local session = ARGV[1]
local before = ARGV[2]
local seen = ARGV[3]
local began = tonumber(ARGV[4])
local after_ms = tonumber(ARGV[5])
local read_ids = ARGV[6]
local said = cjson.decode(ARGV[7])
local caught_up = cjson.decode(ARGV[8])
local cards = cjson.decode(ARGV[9])
local used = cjson.decode(ARGV[10])
local link_ttl = tonumber(ARGV[11])
local card_pause_ms = tonumber(ARGV[12])
local tells = ARGV[13] == '1'

local watched = key.watched(session)
local was = redis.call('HGET', watched, 'seen') or ''
if was == seen then return {} end
if was ~= before then return false end
local now = now_ms()
redis.call('HSET', watched, 'seen', seen)
if tells then redis.call('HSET', watched, 'answerable_since', now) end
put_off({{session, after_ms}}, began, now)
for _, entry in ipairs(used) do
  local month, name, account, base, day, total = unpack(entry)
  local ledger = key.ledger(month)
  redis.call('HSETNX', ledger, name, account)
  redis.call('HSETNX', ledger, name .. ' base', base)
  redis.call('HSET', ledger, name .. ' ' .. day, total)
  redis.call('EXPIRE', ledger, keep.ledger)
end
local watch_ttl = math.max(link_ttl, keep.watched)
for _, name in ipairs({key.watch, watched}) do redis.call('EXPIRE', name, watch_ttl) end
if read_ids ~= '' then redis.call('HSET', watched, 'read_ids', read_ids) end
for _, one in ipairs(caught_up) do
  local is_linked = redis.call('HEXISTS', watched, 'linked:' .. one.name) == 1
  if is_linked then redis.call('HSET', watched, 'linked:' .. one.name, one.at .. ' read') end
end
local owes = {}
for _, one in ipairs(said) do
  traffic(one.thread, now, link_ttl)
  if one.message ~= '' and redis.call('HEXISTS', watched, 'linked:' .. one.thread) == 1 then
    redis.call('HSET', watched, 'owed:' .. one.thread, one.message)
  end
  if owe_item(one.owed, one.thread, one.item, now) then owes[#owes + 1] = {one.owed, 0} end
end
for _, one in ipairs(cards) do
  traffic(one.thread, now, link_ttl)
  local after = want_card(one.card, now, card_pause_ms, link_ttl)
  if after >= 0 then owes[#owes + 1] = {one.card .. '|1|card', after} end
end
return owes
