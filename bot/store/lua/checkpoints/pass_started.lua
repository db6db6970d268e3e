-- Lets mail go on that waits for threads only because a process has started: another one has heard
-- everything since `since`. The threads stay to be read. Returns the sessions that have mail.
local since = tonumber(ARGV[1])

local unheard = tonumber(redis.call('HGET', key.heard, 'unheard') or 0)
if since > unheard then return {} end
redis.call('HDEL', key.heard, 'unheard')
local found = {}
for _, session in ipairs(redis.call('ZRANGE', key.read_first, 0, -1)) do
  local is_noted = false
  for _, name in ipairs(linked_threads(session)) do
    is_noted = is_noted or redis.call('HEXISTS', key.heard, 'noted:' .. name) == 1
  end
  if not is_noted and go_on(session) == 1 then found[#found + 1] = session end
end
return found
