-- Has a session polled at `due`, and its messages read then.
local function want_poll(session, due, now, ttl)
  local watched = key.watched(session)
  redis.call('HSET', watched, 'read_wanted_at', now)
  redis.call('ZADD', key.watch, due, session)
  for _, name in ipairs({key.watch, watched}) do prolong(name, math.max(ttl, keep.watched)) end
end
