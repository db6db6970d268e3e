-- Removes the checkpoint of a process that stops listening. Slack's events go to the remaining
-- processes; if there is none, the checkpoint stays.
-- include: now_ms
local listeners = KEYS[1]
local token = ARGV[1]
local dead_ms = tonumber(ARGV[2])

local now = now_ms()
local said = redis.call('HGETALL', listeners)
for place = 1, #said, 2 do
  local at = string.match(said[place + 1], ':(%d+)')
  if said[place] ~= token and said[place] ~= 'noted' and now - at <= dead_ms then
    return redis.call('HDEL', listeners, token)
  end
end
return 0
