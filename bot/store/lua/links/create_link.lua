-- Links a thread, unless it is linked already, or a later request has changed its link.
-- Returns the link that was there, 'outdated', or false for a new link. For `at` and `since`, see
-- `is_outdated` and `change_link`.
-- include: now_ms
-- include: traffic
-- include: place
-- include: is_outdated
-- include: change_link
local link = KEYS[1]
local threads = KEYS[2]
local recent = KEYS[3]
local places = KEYS[4]
local changed = KEYS[5]
local new = ARGV[1]
local link_ttl = tonumber(ARGV[2])
local thread_ts = ARGV[3]
local since = ARGV[4]
local catch_up = tonumber(ARGV[5])
local thread = ARGV[6]
local channel = ARGV[7]
local by = ARGV[8]
local at = ARGV[9]
local keep = tonumber(ARGV[10])

local linked = redis.call('GET', link)
if linked then return linked end
if is_outdated(changed, at) then return 'outdated' end
redis.call('SET', link, new, 'EX', link_ttl)
change_link(changed, at, since, keep)
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', threads, '-inf', now - link_ttl * 1000)
redis.call('ZADD', threads, now, thread_ts)
redis.call('EXPIRE', threads, link_ttl)
traffic(recent, catch_up, since, thread)
place(places, now, channel, by, link_ttl)
return false
