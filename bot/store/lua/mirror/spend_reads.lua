-- Spends `cost` reads of a budget of `per_minute`, of which `burst` may be spent at once. Returns
-- 0, or the ms until that many can be had, and `spare` more; with `is_made`, they have been spent
-- in any case. The value of `reads` is the time until which the budget is spent.
-- include: now_ms
local reads = KEYS[1]
local cost = tonumber(ARGV[1])
local per_minute = tonumber(ARGV[2])
local burst = tonumber(ARGV[3])
local spare = tonumber(ARGV[4])
local is_made = ARGV[5] == '1'

local now = now_ms()
local each = 60000 / math.max(1, per_minute - burst)
local spent = math.max(now, tonumber(redis.call('GET', reads) or 0)) + cost * each
local wait = math.ceil(spent - now - (burst - spare) * each)
if wait > 0 and not is_made then return wait end
redis.call('SET', reads, string.format('%.0f', spent), 'PX', math.ceil(spent - now) + 60000)
return 0
