-- Notes that threads of a session were read up to `until_us`: the name of each, and the `ts` that
-- it was read from. Returns 1 if the session's mail has waited for that.
-- include: now_ms
local gap = KEYS[1]
local unread = KEYS[2]
local read = KEYS[3]
local behind = KEYS[4]
local due = KEYS[5]
local mail = KEYS[6]
local read_gap = ARGV[1]
local session = ARGV[2]
local until_us = tonumber(ARGV[3])
local keep = tonumber(ARGV[4])
local threads = cjson.decode(ARGV[5])

for _, thread in ipairs(threads) do
  local name, after = unpack(thread)
  local since = redis.call('ZSCORE', unread, name)
  if since and tonumber(since) == after then redis.call('ZREM', unread, name) end
  redis.call('ZADD', read, 'GT', until_us, name)
end
redis.call('ZREMRANGEBYRANK', read, 0, -5001)
redis.call('EXPIRE', read, keep)
-- Another thread of this session may have been noted since; the next pass reads it.
if redis.call('GET', gap) ~= read_gap then return 0 end
local waits = redis.call('ZSCORE', behind, session)
redis.call('ZREM', behind, session)
if not waits or waits == '0' or redis.call('ZCARD', mail) == 0 then return 0 end
local at = redis.call('ZSCORE', due, session)
if at and tonumber(at) <= tonumber(waits) then
  redis.call('ZADD', due, now_ms(), session)
  return 1
end
return 0
