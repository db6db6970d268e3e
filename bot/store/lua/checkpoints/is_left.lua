-- Returns 1 if there is a gap and no process has the lease on the backfill.

if redis.call('EXISTS', key.gap) == 0 then return 0 end
return redis.call('EXISTS', key.lease('catch-up')) == 0 and 1 or 0
