-- Has a session looked at within a second, because a reply of `by` in the thread `follower` reached
-- it.
local function stir(watch, watched, followers, session, follower, by, now, keep)
  redis.call('HSET', watched, 'stirred', now, 'step', 0, 'by:' .. follower, by)
  redis.call('ZADD', watch, now + 1000, session)
  for _, key in ipairs({watch, watched, followers}) do redis.call('EXPIRE', key, keep) end
end
