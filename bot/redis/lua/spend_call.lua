-- Counts a call, unless `most` were made within `span_ms`, or a pause is in force; after its end,
-- this caller waits for `after_ms` more. Returns the ms to wait; 0: the call may be made.
-- A call with a `name` is counted once, or with a negative `most`, no more. A `pause_ms` above 0
-- begins a pause instead, which counts as one, too.
local calls = KEYS[1] .. ARGV[1]
local name = ARGV[2]
local span_ms = tonumber(ARGV[3])
local most = tonumber(ARGV[4])
local after_ms = tonumber(ARGV[5])
local pause_ms = tonumber(ARGV[6])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if most < 0 then
  redis.call('ZREM', calls, name)
  return 0
end
local paused = tonumber(redis.call('ZSCORE', calls, 'pause') or 0)
if pause_ms > 0 then
  paused = math.max(paused, now + pause_ms)
  redis.call('ZADD', calls, paused, 'pause')
  redis.call('PEXPIRE', calls, paused - now + span_ms)
  return paused - now + after_ms
end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - span_ms)
if name ~= '' and redis.call('ZSCORE', calls, name) then return 0 end
local free = paused > 0 and paused + after_ms or 0
local made = redis.call('ZCARD', calls)
if made >= most then
  local first = redis.call('ZRANGE', calls, made - most, made - most, 'WITHSCORES')
  free = math.max(free, first[2] + span_ms)
end
if free > now then return free - now end
redis.call('ZADD', calls, now, name ~= '' and name or time[1] .. '.' .. time[2])
if redis.call('PTTL', calls) < span_ms then redis.call('PEXPIRE', calls, span_ms) end
return 0
