-- Notes a thread's latest traffic, a reply or something that Devin said, and keeps its link for
-- another `ttl` seconds.
local function traffic(thread, now, ttl)
  redis.call('ZADD', key.threads, now, thread)
  redis.call('EXPIRE', key.threads, ttl)
  redis.call('EXPIRE', key.link(thread), ttl)
end
