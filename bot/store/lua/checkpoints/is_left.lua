-- Returns 1 if there is a gap and no process has the lease on the backfill.
local gap = KEYS[1]
local catching_up = KEYS[2]

if redis.call('EXISTS', gap) == 0 then return 0 end
return redis.call('EXISTS', catching_up) == 0 and 1 or 0
