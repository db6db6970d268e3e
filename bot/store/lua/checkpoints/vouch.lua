-- Writes a process's checkpoint `kept`, in microseconds as text, since Lua's `..` would round the
-- number. Returns the earliest checkpoint of a process that has died since all threads were last
-- noted, or nothing.
-- include: now_ms
local listeners = KEYS[1]
local token = ARGV[1]
local kept = ARGV[2]
local within_ms = tonumber(ARGV[3])
local dead_ms = tonumber(ARGV[4])

local now = now_ms()
redis.call('HSET', listeners, token, kept .. ':' .. now)
redis.call('PEXPIRE', listeners, within_ms)
local noted = tonumber(string.match(redis.call('HGET', listeners, 'noted') or ':0', ':(%d+)'))
local said, since = redis.call('HGETALL', listeners), nil
for place = 1, #said, 2 do
  local until_us, at = string.match(said[place + 1], '(%d+):(%d+)')
  local is_dead = now - at > dead_ms and tonumber(at) > noted
  if is_dead and (not since or tonumber(until_us) < tonumber(since)) then since = until_us end
end
return since
