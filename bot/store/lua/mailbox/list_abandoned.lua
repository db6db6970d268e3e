-- Lists up to `limit` sessions without a lease whose mail has been due for `grace_ms`, the longest
-- due first. A busy session keeps its old due time, so the search goes on past sessions under a
-- lease, through at most `most` sessions.
local grace_ms = tonumber(ARGV[1])
local limit = tonumber(ARGV[2])
local most = tonumber(ARGV[3])

local late = math.min(redis.call('ZCOUNT', key.due, '-inf', now_ms() - grace_ms), most)
local found, at = {}, 0
while at < late and #found < limit do
  for _, session in ipairs(redis.call('ZRANGE', key.due, at, math.min(at + 500, late) - 1)) do
    if #found == limit then break end
    if redis.call('EXISTS', key.lease(session)) == 0 then found[#found + 1] = session end
  end
  at = at + 500
end
return found
