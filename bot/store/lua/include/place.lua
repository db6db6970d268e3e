-- Notes a channel with a linked thread; a direct message is kept with the user it is with. An entry
-- is written once an hour at most, so that most replies cost a single read; in return, it lives an
-- hour longer than its threads.
local function place(places, now, channel, by, ttl)
  if string.sub(channel, 1, 1) == 'D' then channel = channel .. '|' .. by end
  local seen = redis.call('ZSCORE', places, channel)
  if seen and now - seen < 3600000 then return end
  redis.call('ZADD', places, now, channel)
  redis.call('EXPIRE', places, ttl + 3600)
end
