-- include: want_poll
-- Has a session polled when it is `due`, because a reply of `by` in the thread `follower` reached
-- it.
local function stir(watch, watched, followers, session, follower, by, now, due, keep)
  redis.call('EXPIRE', followers, keep)
  redis.call('HSET', watched, 'replied', now, 'by:' .. follower, by)
  want_poll(watch, watched, session, due, now, keep)
end
