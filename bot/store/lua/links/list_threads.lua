-- Returns linked threads whose names begin with `prefix`, each with the time of its latest traffic:
-- the latest first, those with traffic within the last `within_ms`, and at most `limit`.
local prefix = ARGV[1]
local within_ms = tonumber(ARGV[2])
local limit = tonumber(ARGV[3])

local AT_ONCE = 1000
local since = redis.call('TIME')[1] * 1000 - within_ms
local found, from = {}, 0
while true do
  local some = redis.call('ZREVRANGEBYSCORE', key.threads, '+inf', since, 'WITHSCORES',
                          'LIMIT', from, AT_ONCE)
  for place = 1, #some, 2 do
    if #found == 2 * limit then return found end
    if string.sub(some[place], 1, #prefix) == prefix then
      found[#found + 1], found[#found + 2] = some[place], some[place + 1]
    end
  end
  if #some < 2 * AT_ONCE then return found end
  from = from + AT_ONCE
end
