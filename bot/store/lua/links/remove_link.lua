-- Removes a link, unless a later request has changed it.
-- Returns the link that was there, also to the same request again; or 'outdated', or false.
-- include: is_outdated
-- include: change_link
-- include: fall_silent
local link = KEYS[1]
local threads = KEYS[2]
local recent = KEYS[3]
local changed = KEYS[4]
local heard = KEYS[5]
local thread_ts = ARGV[1]
local thread = ARGV[2]
local at = ARGV[3]
local since = ARGV[4]
local keep = tonumber(ARGV[5])

if is_outdated(changed, at) then return 'outdated' end
local linked = redis.call('GETDEL', link)
redis.call('ZREM', threads, thread_ts)
redis.call('ZREM', recent, thread)
if not linked then
  local asked, was = string.match(redis.call('GET', changed) or '', '^(%d+) (.+)$')
  return asked == at and was or false
end
fall_silent(heard, linked, change_link(changed, at, since, keep, linked), keep)
return linked
