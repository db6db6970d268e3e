-- Has a session polled at `due`, and its messages read then.
local function want_poll(watch, watched, session, due, now, ttl)
  redis.call('HSET', watched, 'wanted', now)
  redis.call('ZADD', watch, due, session)
  for _, name in ipairs({watch, watched}) do redis.call('EXPIRE', name, ttl) end
end
