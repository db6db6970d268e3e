-- Returns 1 where there is a gap that nobody reads.
local gap = KEYS[1]
local catching_up = KEYS[2]

return redis.call('EXISTS', gap) == 1 and redis.call('EXISTS', catching_up) == 0 and 1 or 0
