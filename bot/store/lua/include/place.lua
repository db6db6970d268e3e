-- Notes a channel with a linked thread. A direct message is kept with whom it is with. The hour
-- makes this one read a reply; for that, an entry lives an hour longer than its threads.
local function place(places, now, channel, by, ttl)
  if string.sub(channel, 1, 1) == 'D' then channel = channel .. '|' .. by end
  local seen = redis.call('ZSCORE', places, channel)
  if seen and now - seen < 3600000 then return end
  redis.call('ZADD', places, now, channel)
  redis.call('EXPIRE', places, ttl + 3600)
end
