-- Lets threads follow whose links the watch does not know: they were made by an earlier version.
-- Each of `links` has the thread's name and its session. Sessions that were not watched are looked
-- at one after the other, `apart_ms` apart, the first one after `after_ms` more. Returns how many
-- threads were adopted.
-- include: now_ms
local watch = KEYS[1]
local links = cjson.decode(ARGV[1])
local followers_prefix = ARGV[2]
local apart_ms = tonumber(ARGV[3])
local keep = tonumber(ARGV[4])
local after_ms = tonumber(ARGV[5])

local now, adopted, at = now_ms(), 0, after_ms
for _, one in ipairs(links) do
  local followers = followers_prefix .. one.session
  if redis.call('HSETNX', followers, one.thread, now - 1000) == 1 then
    redis.call('EXPIRE', followers, keep)
    adopted = adopted + 1
    at = at + apart_ms
    redis.call('ZADD', watch, 'NX', now + at, one.session)
  end
end
if adopted > 0 then redis.call('EXPIRE', watch, keep) end
return adopted
