-- Owes a new card for a thread; the one of an earlier link, if any, is to be edited a last time.
local function begin_card(card, outbox, owed, session, now, keep)
  local before = redis.call('HGET', card, 'ts')
  if before and before ~= '' then redis.call('HSET', card, 'before', before) end
  redis.call('HDEL', card, 'ts', 'shows', 'edited')
  redis.call('HSET', card, 'session', session)
  redis.call('HINCRBY', card, 'wanted', 1)
  redis.call('HINCRBY', card, 'number', 1)
  redis.call('ZADD', outbox, now, owed)
  for _, key in ipairs({card, outbox}) do
    if redis.call('TTL', key) < keep then redis.call('EXPIRE', key, keep) end
  end
end
