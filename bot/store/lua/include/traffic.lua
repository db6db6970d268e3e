-- Notes a thread's latest traffic, a reply or something that Devin said, and keeps its link for
-- another `ttl` seconds, and until a poll ends it; nothing of a thread without a link.
local function traffic(thread, now, ttl)
  if redis.call('EXISTS', key.link(thread)) == 0 then return end
  redis.call('ZADD', key.threads, now, thread)
  for _, name in ipairs({key.threads, key.link(thread)}) do
    redis.call('EXPIRE', name, ttl + keep.expiring)
  end
end
