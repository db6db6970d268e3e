-- Notes a thread's latest traffic, a reply or something that Devin said, and keeps its link for
-- another `ttl` seconds.
local function traffic(threads, link, now, thread, ttl)
  redis.call('ZADD', threads, now, thread)
  redis.call('EXPIRE', threads, ttl)
  redis.call('EXPIRE', link, ttl)
end
