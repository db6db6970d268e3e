-- Records a poll that read messages: what the session is now, the `ids` of the messages, the items
-- to be `said` (a thread each), the followers that are caught up (unless they have joined again
-- since), and the threads whose `cards` change. Both are traffic of their threads. Nothing is
-- recorded unless the session is known as it was `before`: so of two polls, the first one counts.
-- What the session has `used` goes into the ledger: the month, the session's account, its total
-- before, the field of the day, its total now; or nothing.
-- The next poll comes in `after_ms`; see `put_off`.
-- Returns 'lost', or the threads with something to say and the cards, each with the ms until then.
local session = ARGV[1]
local before = ARGV[2]
local seen = ARGV[3]
local began = tonumber(ARGV[4])
local after_ms = tonumber(ARGV[5])
local ids = cjson.decode(ARGV[6])
local said = cjson.decode(ARGV[7])
local joined = cjson.decode(ARGV[8])
local cards = cjson.decode(ARGV[9])
local used = cjson.decode(ARGV[10])
local most_ids = tonumber(ARGV[11])
local watch_ttl = tonumber(ARGV[12])
local link_ttl = tonumber(ARGV[13])
local pace_ms = tonumber(ARGV[14])

local watched, followers, shown = key.watched(session), key.followers(session), key.shown(session)
local was = redis.call('HGET', watched, 'seen') or ''
if was == seen then return {'again'} end
if was ~= before then return {'lost'} end
local now = now_ms()
redis.call('HSET', watched, 'seen', seen)
put_off({{session, after_ms}}, began, now)
if #used > 0 then
  local ledger = key.ledger(used[1])
  redis.call('HSETNX', ledger, session, used[2])
  redis.call('HSETNX', ledger, session .. ' base', used[3])
  redis.call('HSET', ledger, session .. ' ' .. used[4], used[5])
  redis.call('EXPIRE', ledger, keep.ledger)
end
for _, name in ipairs({key.watch, watched}) do redis.call('EXPIRE', name, watch_ttl) end
for i, id in ipairs(ids) do redis.call('ZADD', shown, now + i / 1000, id) end
if #ids > 0 then
  redis.call('ZREMRANGEBYRANK', shown, 0, -1 - most_ids)
  redis.call('EXPIRE', shown, watch_ttl)
end
for _, one in ipairs(joined) do
  if tonumber(redis.call('HGET', followers, one.name)) == one.at then
    redis.call('HSET', followers, one.name, 0)
  end
end
local told, cards_due = {}, {}
for _, one in ipairs(said) do
  local words, subject = key.words(one.thread), key.subject(one.subject)
  traffic(one.thread, now, link_ttl)
  redis.call('RPUSH', words, one.item)
  redis.call('EXPIRE', words, keep.owed)
  redis.call('HSET', subject, 'round', 1)
  redis.call('EXPIRE', subject, keep.owed)
  if not redis.call('ZSCORE', key.outbox, one.owed) then
    redis.call('ZADD', key.outbox, now, one.owed)
    redis.call('HSET', subject, 'waits', now)
    told[#told + 1] = one.owed
  end
  prolong(key.outbox, keep.owed)
end
for _, one in ipairs(cards) do
  traffic(one.thread, now, link_ttl)
  local after = want_card(one.card, now, pace_ms, link_ttl)
  if after >= 0 then cards_due[#cards_due + 1] = {one.card, after} end
end
return {'recorded', told, cards_due}
