-- Releases the lease on the backfill; `read` is the gap that was read, or ''. Returns 1 if there is
-- another gap; else nothing is kept of this one. Threads that could not be read are read after the
-- next start, and no mail waits for them until then.
local token = ARGV[1]
local read = ARGV[2]

local lease = key.lease('catch-up')
if redis.call('HGET', key.heard, 'gap') == read then
  for _, name in ipairs(redis.call('HKEYS', key.heard)) do
    if name ~= 'checkpoint' then redis.call('HDEL', key.heard, name) end
  end
  redis.call('DEL', key.read_first)
end
if redis.call('GET', lease) == token then redis.call('DEL', lease) end
return redis.call('HGET', key.heard, 'gap') and 1 or 0
