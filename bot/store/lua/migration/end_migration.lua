-- Releases the lease on a migration; with `is_done`, notes for `keep` seconds that nothing was
-- left.
local lease = KEYS[1]
local done = KEYS[2]
local token = ARGV[1]
local is_done = ARGV[2] == '1'
local keep = tonumber(ARGV[3])

if redis.call('GET', lease) ~= token then return 0 end
if is_done then redis.call('SET', done, 1, 'EX', keep) end
return redis.call('DEL', lease)
