-- Counts a call, unless `most` were made within a minute, or a pause is in force; after its end,
-- this caller waits for `after_ms` more. Returns the ms to wait; 0: the call may be made.
-- Above 0, `pause_ms` begins a pause instead, which counts as a call.
local calls = KEYS[1]
local most = tonumber(ARGV[1])
local after_ms = tonumber(ARGV[2])
local pause_ms = tonumber(ARGV[3])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local paused = tonumber(redis.call('ZSCORE', calls, 'pause') or 0)
if pause_ms > 0 then
  paused = math.max(paused, now + pause_ms)
  redis.call('ZADD', calls, paused, 'pause')
  redis.call('PEXPIRE', calls, paused - now + 60000)
  return paused - now + after_ms
end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - 60000)
local free = paused > 0 and paused + after_ms or 0
local made = redis.call('ZCARD', calls)
if made >= most then
  local first = redis.call('ZRANGE', calls, made - most, made - most, 'WITHSCORES')
  free = math.max(free, first[2] + 60000)
end
if free > now then return free - now end
redis.call('ZADD', calls, now, time[1] .. '.' .. time[2])
if redis.call('PTTL', calls) < 60000 then redis.call('PEXPIRE', calls, 60000) end
return 0
