-- Notes a thread's latest traffic, by Slack's clock (`ts` in microseconds). A backfill reads 2,000
-- threads; many more than that are not worth their memory.
local function traffic(recent, within_ms, ts, thread)
  if within_ms == 0 then return end
  redis.call('ZADD', recent, 'GT', ts, thread)
  redis.call('ZREMRANGEBYSCORE', recent, '-inf', ts - within_ms * 1000)
  redis.call('ZREMRANGEBYRANK', recent, 0, -5001)
  redis.call('PEXPIRE', recent, within_ms)
end
