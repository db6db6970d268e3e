-- Takes over the gap that an earlier version noted, unless one of its processes is reading it.
-- Returns 1 if a gap was taken over.
local former_gap = KEYS[1]
local former_behind = KEYS[2]
local former_catching_up = KEYS[3]
local gap = KEYS[4]
local behind = KEYS[5]
local within_ms = tonumber(ARGV[1])

if redis.call('EXISTS', former_gap) == 0 then return 0 end
if redis.call('EXISTS', former_catching_up) == 1 then return 0 end
redis.call('SET', gap, redis.call('GET', former_gap), 'NX', 'PX', within_ms)
if redis.call('EXISTS', former_behind) == 1 then
  redis.call('ZUNIONSTORE', behind, 2, behind, former_behind, 'AGGREGATE', 'MAX')
  redis.call('PEXPIRE', behind, within_ms)
end
redis.call('DEL', former_gap, former_behind)
return 1
