-- Records a look: what the session is now, the `ids` of messages that were read, the items to be
-- `said` (a thread each), the followers that are caught up (unless they have joined anew since),
-- and the threads whose `cards` change. Both are traffic of their threads. Only the look that took
-- the session last may do this, once. The session is due again in `after_ms`; -1 ends the watch.
-- The next look needs only the `gist`, if there is one. A reply that reached the session meanwhile,
-- or a link, has it looked at soon.
-- Returns 'lost', or the threads with something to say and the cards, each with the ms until then.
-- include: now_ms
-- include: want_card
-- include: traffic
local watch = KEYS[1]
local watched = KEYS[2]
local followers = KEYS[3]
local shown = KEYS[4]
local outbox = KEYS[5]
local gists = KEYS[6]
local threads = KEYS[7]
local session = ARGV[1]
local token = ARGV[2]
local seen = ARGV[3]
local began = tonumber(ARGV[4])
local after_ms = tonumber(ARGV[5])
local step = tonumber(ARGV[6])
local ids = cjson.decode(ARGV[7])
local said = cjson.decode(ARGV[8])
local joined = cjson.decode(ARGV[9])
local cards = cjson.decode(ARGV[10])
local most_ids = tonumber(ARGV[11])
local keep = tonumber(ARGV[12])
local keep_owed = tonumber(ARGV[13])
local pace_ms = tonumber(ARGV[14])
local words_prefix = ARGV[15]
local subject_prefix = ARGV[16]
local link_prefix = ARGV[17]
local gist = ARGV[18]
local lease_ms = tonumber(ARGV[19])

if redis.call('HGET', watched, 'token') ~= token then
  if redis.call('HGET', watched, 'recorded') == token then return {'again'} end
  return {'lost'}
end
local now = now_ms()
redis.call('HDEL', watched, 'token')
redis.call('HSET', watched, 'seen', seen, 'recorded', token, 'step', step)
redis.call('EXPIRE', watched, keep)
local stirred = tonumber(redis.call('HGET', watched, 'stirred') or 0)
local due_at = tonumber(redis.call('ZSCORE', watch, session) or 0)
local is_moved = stirred >= began or due_at ~= began + lease_ms
local after = after_ms
if is_moved then after = after_ms < 0 and 1000 or math.min(after_ms, 1000) end
if stirred >= began then redis.call('HSET', watched, 'step', 0) end
local due, has_gist = now + after, gist ~= '' and not is_moved and after >= 0
if has_gist then
  due = due - 0.5
  gist = string.format('%.1f %s', due, gist)
  redis.call('HSET', gists, session, gist)
  redis.call('EXPIRE', gists, keep)
else
  redis.call('HDEL', gists, session)
end
if after < 0 then
  redis.call('ZREM', watch, session)
else
  redis.call('ZADD', watch, due, session)
  redis.call('EXPIRE', watch, keep)
end
for i, id in ipairs(ids) do redis.call('ZADD', shown, now + i / 1000, id) end
if #ids > 0 then
  redis.call('ZREMRANGEBYRANK', shown, 0, -1 - most_ids)
  redis.call('EXPIRE', shown, keep)
end
for _, one in ipairs(joined) do
  if tonumber(redis.call('HGET', followers, one.name)) == one.at then
    redis.call('HSET', followers, one.name, 0)
  end
end
for _, news in ipairs({said, cards}) do
  for _, one in ipairs(news) do
    local link = link_prefix .. one.thread
    if redis.call('EXISTS', link) == 1 then traffic(threads, link, now, one.thread, keep) end
  end
end
local told, cards_due = {}, {}
for _, one in ipairs(said) do
  local words, subject = words_prefix .. one.thread, subject_prefix .. one.subject
  redis.call('RPUSH', words, one.item)
  redis.call('EXPIRE', words, keep_owed)
  redis.call('HSET', subject, 'round', 1)
  redis.call('EXPIRE', subject, keep_owed)
  if not redis.call('ZSCORE', outbox, one.owed) then
    redis.call('ZADD', outbox, now, one.owed)
    redis.call('HSET', subject, 'waits', now)
    told[#told + 1] = one.owed
  end
  redis.call('EXPIRE', outbox, keep_owed)
end
for _, one in ipairs(cards) do
  local card_after = want_card(subject_prefix .. one.subject, outbox, one.owed, now, pace_ms, keep)
  if card_after >= 0 then cards_due[#cards_due + 1] = {one.owed, card_after} end
end
return {'recorded', told, cards_due}
