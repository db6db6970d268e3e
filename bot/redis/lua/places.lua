-- Returns the time (Unix ms), and of each of the sorted sets `keys` its length, its first member or
-- false, and the score and the place (from 1), or false, of the one of `members` in the same place.
local keys = cjson.decode(ARGV[1])
local members = cjson.decode(ARGV[2])

local time, found = redis.call('TIME'), {}
for i, name in ipairs(keys) do
  local key, member = KEYS[1] .. name, members[i]
  local score, rank = redis.call('ZSCORE', key, member), redis.call('ZRANK', key, member)
  local first = redis.call('ZRANGE', key, 0, 0)[1] or false
  found[i] = {redis.call('ZCARD', key), first, score and tonumber(score), rank and rank + 1}
end
return {time[1] * 1000 + math.floor(time[2] / 1000), found}
