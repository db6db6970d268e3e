-- Notes that each linked thread may miss messages since `since`, a `ts` in microseconds. Of very
-- many threads, only those with the latest traffic are noted.
local since = tonumber(ARGV[1])
local within_ms = tonumber(ARGV[2])
local most = tonumber(ARGV[3])

for _, thread in ipairs(redis.call('ZRANGE', key.threads, 0, most - 1, 'REV')) do
  miss(thread, since, true)
end
begin_gap(within_ms)
return 1
