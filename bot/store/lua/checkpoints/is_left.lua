-- Returns 1 if there is a gap and no process has the lease on the backfill, also under the names of
-- an earlier version.
local gap = KEYS[1]
local catching_up = KEYS[2]
local former_gap = KEYS[3]
local former_catching_up = KEYS[4]

if redis.call('EXISTS', gap, former_gap) == 0 then return 0 end
return redis.call('EXISTS', catching_up, former_catching_up) == 0 and 1 or 0
