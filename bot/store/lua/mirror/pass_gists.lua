-- Ends gists that were taken at `began` and found nothing new: each has a session, the ms until its
-- next look, and the next gist. One that is due at another time than the gist's lease ends was
-- moved by others, and is left to them.
-- include: now_ms
local watch = KEYS[1]
local gists = KEYS[2]
local passed = cjson.decode(ARGV[1])
local began = tonumber(ARGV[2])
local lease_ms = tonumber(ARGV[3])
local keep = tonumber(ARGV[4])

local now, sessions, dues, changed = now_ms(), {}, {}, {}
for i, one in ipairs(passed) do sessions[i] = one[1] end
local due_at = redis.call('ZMSCORE', watch, unpack(sessions))
for i, one in ipairs(passed) do
  if tonumber(due_at[i] or 0) == began + lease_ms then
    local due = now + one[2] - 0.5
    dues[#dues + 1] = due
    dues[#dues + 1] = one[1]
    changed[#changed + 1] = one[1]
    changed[#changed + 1] = string.format('%.1f %s', due, one[3])
  end
end
if #dues > 0 then
  redis.call('ZADD', watch, unpack(dues))
  redis.call('HSET', gists, unpack(changed))
  redis.call('EXPIRE', gists, keep)
end
return #dues / 2
