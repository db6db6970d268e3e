-- Releases the lease on the backfill; `read` is the gap that was read, or ''. Returns 1 if there is
-- another gap. Threads that could not be read are read after the next start, and no mail waits for
-- them until then.
local gap = KEYS[1]
local catching_up = KEYS[2]
local behind = KEYS[3]
local token = ARGV[1]
local read = ARGV[2]

if redis.call('GET', gap) == read then redis.call('DEL', gap, behind) end
if redis.call('GET', catching_up) == token then redis.call('DEL', catching_up) end
return redis.call('GET', gap) and 1 or 0
