-- include: want_poll
-- Has a session polled within a second, because a reply of `by` in the thread `follower` reached
-- it.
local function stir(watch, watched, followers, session, follower, by, now, keep)
  redis.call('EXPIRE', followers, keep)
  redis.call('HSET', watched, 'replied', now, 'by:' .. follower, by)
  want_poll(watch, watched, session, now + 1000, now, keep)
end
