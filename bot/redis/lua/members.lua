-- Returns members of a sorted set that begin with `prefix`, each with its score, a time in Unix ms:
-- the latest first, none from more than `within_ms` ago, and at most `limit`.
local key = KEYS[1] .. ARGV[1]
local prefix = ARGV[2]
local within_ms = tonumber(ARGV[3])
local limit = tonumber(ARGV[4])

local PAGE = 1000
local since = redis.call('TIME')[1] * 1000 - within_ms
local found, from = {}, 0
while true do
  local some = redis.call('ZREVRANGEBYSCORE', key, '+inf', since, 'WITHSCORES',
                          'LIMIT', from, PAGE)
  for place = 1, #some, 2 do
    if #found == 2 * limit then return found end
    if string.sub(some[place], 1, #prefix) == prefix then
      found[#found + 1], found[#found + 2] = some[place], some[place + 1]
    end
  end
  if #some < 2 * PAGE then return found end
  from = from + PAGE
end
