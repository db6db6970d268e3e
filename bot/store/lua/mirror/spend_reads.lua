-- Spends up to `most` reads of a budget of `per_minute`, `burst` of which may be spent at once.
-- `rest` are left over, or none is spent. With `is_made`, all have been made, and are spent in any
-- case; with a `pause_ms`, so is all that could be made until then. Returns how many are spent, and
-- the ms until one more can be had. The key holds the time until which the budget is spent.
local most = tonumber(ARGV[1])
local per_minute = tonumber(ARGV[2])
local burst = tonumber(ARGV[3])
local rest = tonumber(ARGV[4])
local is_made = ARGV[5] == '1'
local pause_ms = tonumber(ARGV[6])

local now, reads = now_ms(), key.calls('reads')
local each = 60000 / math.max(1, per_minute - burst)
local until_ms = math.max(now, tonumber(redis.call('ZSCORE', reads, 'spent') or 0))
local latest = now + burst * each
local spent = 0
if pause_ms > 0 then until_ms = math.max(until_ms, latest + pause_ms) end
while spent < most and (is_made or until_ms + (1 + rest) * each < latest + 1) do
  until_ms = until_ms + each
  spent = spent + 1
end
if until_ms > now then
  redis.call('ZADD', reads, math.floor(until_ms + 0.5), 'spent')
  redis.call('PEXPIRE', reads, math.ceil(until_ms - now) + 60000)
end
return {spent, math.max(1, math.ceil(until_ms + (1 + rest) * each - latest))}
