-- Notes that each linked thread may miss messages since `begun` (a `ts` in microseconds, or '' for
-- a process that starts) or since the earliest checkpoint of any process, if that is earlier.
-- Without either, or if that is longer ago, messages since `oldest`. Of very many threads, only
-- those with the latest traffic are noted.
-- include: now_ms
-- include: miss
-- include: begin_gap
local gap = KEYS[1]
local threads = KEYS[2]
local unread = KEYS[3]
local behind = KEYS[4]
local listeners = KEYS[5]
local token = ARGV[1]
local begun = ARGV[2]
local oldest = tonumber(ARGV[3])
local within_ms = tonumber(ARGV[4])
local overlap_us = tonumber(ARGV[5])
local dead_ms = tonumber(ARGV[6])
local link_prefix = ARGV[7]
local most = tonumber(ARGV[8])

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
local from = math.max(0, math.max(since or 0, oldest) - overlap_us)
for _, thread in ipairs(redis.call('ZRANGE', threads, 0, most - 1, 'REV')) do
  miss(unread, behind, link_prefix, thread, from, true)
end
begin_gap(gap, unread, behind, within_ms)
return 1
