-- Notes that threads of a session were read. One that was noted after `read_gap` stays, since the
-- read may have missed why. Returns 1 if the session's mail has waited for that.
local read_gap = ARGV[1]
local session = ARGV[2]
local threads = cjson.decode(ARGV[3])

local started = tonumber(redis.call('HGET', key.heard, 'started') or 0)
for _, name in ipairs(threads) do
  local noted = tonumber(redis.call('HGET', key.heard, 'noted:' .. name) or 0)
  if math.max(started, noted) <= (tonumber(read_gap) or 0) then
    redis.call('ZREM', key.unread, name)
    redis.call('HDEL', key.heard, 'noted:' .. name)
  end
end
-- Another thread of this session may have been noted since; the next pass reads it. What was noted
-- of other sessions does not hold up this one's mail.
if redis.call('HGET', key.heard, 'gap') ~= read_gap then
  for _, thread in ipairs(linked_threads(session)) do
    if redis.call('ZSCORE', key.unread, thread) then return 0 end
  end
end
return go_on(session)
