-- Notes that each thread with traffic may miss messages since `begun` (a `ts` in microseconds, or
-- '' for a process that starts) or since the earliest checkpoint of any process, if that is
-- earlier. Without either, as after an upgrade, each thread's own latest traffic takes their place.
-- include: now_ms
-- include: miss
-- include: begin_gap
local gap = KEYS[1]
local recent = KEYS[2]
local unread = KEYS[3]
local behind = KEYS[4]
local listeners = KEYS[5]
local token = ARGV[1]
local begun = ARGV[2]
local within_ms = tonumber(ARGV[3])
local overlap_us = tonumber(ARGV[4])
local dead_ms = tonumber(ARGV[5])
local link_prefix = ARGV[6]

local now = now_ms()
local since = tonumber(begun)
local said = redis.call('HGETALL', listeners)
redis.call('HSET', listeners, 'noted', '0:' .. now)
redis.call('PEXPIRE', listeners, within_ms)
for place = 1, #said, 2 do
  local kept, at = string.match(said[place + 1], '(%d+):(%d+)')
  if said[place] ~= 'noted' then
    since = math.min(since or math.huge, tonumber(kept))
    if now - at > dead_ms and said[place] ~= token then
      redis.call('HDEL', listeners, said[place])
    end
  end
end
local threads = redis.call('ZRANGE', recent, 0, -1, 'WITHSCORES')
for place = 1, #threads, 2 do
  local from = (since or tonumber(threads[place + 1])) - overlap_us
  miss(unread, behind, link_prefix, threads[place], from)
end
begin_gap(gap, unread, behind, within_ms)
return 1
