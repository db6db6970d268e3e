-- Notes a thread's latest traffic, a reply or something that Devin said, and keeps its link for
-- another `ttl` seconds; nothing of a thread without a link.
local function traffic(thread, now, ttl)
  if redis.call('EXISTS', key.link(thread)) == 0 then return end
  redis.call('ZADD', key.threads, now, thread)
  redis.call('EXPIRE', key.threads, ttl)
  redis.call('EXPIRE', key.link(thread), ttl)
end
