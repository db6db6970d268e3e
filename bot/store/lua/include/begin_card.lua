-- Owes a new card for a thread; the one of an earlier link, if any, is to be edited a last time.
-- If a try at it has begun and not ended, `doubted` has its number: it may have been posted.
local function begin_card(card, outbox, owed, session, now, keep)
  local begun = 'begun:' .. (string.gsub(string.match(owed, '|(.+)$'), '|', ':'))
  local former = redis.call('HMGET', card, 'ts', 'number', begun, 'doubted')
  if former[1] and former[1] ~= '' then
    redis.call('HSET', card, 'before', former[1])
  elseif former[2] and former[3] then
    redis.call('HSET', card, 'doubted', (former[4] or '') .. ' ' .. former[2])
  end
  redis.call('HDEL', card, 'ts', 'shows', 'edited')
  redis.call('HSET', card, 'session', session)
  redis.call('HINCRBY', card, 'wanted', 1)
  redis.call('HINCRBY', card, 'number', 1)
  redis.call('ZADD', outbox, now, owed)
  for _, key in ipairs({card, outbox}) do
    if redis.call('TTL', key) < keep then redis.call('EXPIRE', key, keep) end
  end
end
