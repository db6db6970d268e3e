-- Notes that each linked thread may miss messages since `since`, a `ts` in microseconds. Of very
-- many threads, only those with the latest traffic are noted.
-- include: miss
-- include: begin_gap
local gap = KEYS[1]
local threads = KEYS[2]
local unread = KEYS[3]
local behind = KEYS[4]
local since = tonumber(ARGV[1])
local within_ms = tonumber(ARGV[2])
local link_prefix = ARGV[3]
local most = tonumber(ARGV[4])

for _, thread in ipairs(redis.call('ZRANGE', threads, 0, most - 1, 'REV')) do
  miss(unread, behind, link_prefix, thread, since, true)
end
begin_gap(gap, unread, behind, within_ms)
return 1
