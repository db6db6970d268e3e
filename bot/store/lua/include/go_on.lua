-- Lets mail of a session go on that waited for its threads; returns 1 if there is some.
local function go_on(session)
  local waits = redis.call('ZSCORE', key.read_first, session)
  redis.call('ZREM', key.read_first, session)
  if not waits or waits == '0' or redis.call('ZCARD', key.mail(session)) == 0 then return 0 end
  local at = redis.call('ZSCORE', key.due, session)
  if not at or tonumber(at) > tonumber(waits) then return 0 end
  redis.call('ZADD', key.due, now_ms(), session)
  return 1
end
