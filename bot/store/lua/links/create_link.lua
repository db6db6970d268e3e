-- Links a thread, unless it is linked already, or a later request has changed its link. Returns the
-- link that was there, 'outdated', or false for a new link. A link to the same session counts as
-- changed by this request, so that an earlier one that comes late does not undo it. For `at` and
-- `since`, see `is_outdated` and `change_link`. The thread follows the session from now on, or from
-- its beginning where the session `begins` with the thread, and its card is owed.
-- include: now_ms
-- include: traffic
-- include: is_outdated
-- include: change_link
-- include: want_card
-- include: want_poll
local link = KEYS[1]
local threads = KEYS[2]
local changed = KEYS[3]
local watch = KEYS[4]
local watched = KEYS[5]
local followers = KEYS[6]
local card = KEYS[7]
local outbox = KEYS[8]
local new = ARGV[1]
local link_ttl = tonumber(ARGV[2])
local since = ARGV[3]
local thread = ARGV[4]
local at = ARGV[5]
local keep = tonumber(ARGV[6])
local session = ARGV[7]
local begins = ARGV[8] == '1'
local subject_prefix = ARGV[9]
local card_name = ARGV[10]

local linked = redis.call('GET', link)
if linked then
  local is_json, link_was = pcall(cjson.decode, linked)
  local is_same = is_json and type(link_was) == 'table' and link_was.session == session
  if is_same and not is_outdated(changed, at) then change_link(changed, at, since, keep) end
  return linked
end
if is_outdated(changed, at) then return 'outdated' end
redis.call('SET', link, new, 'EX', link_ttl)
change_link(changed, at, since, keep)
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', threads, '-inf', now - link_ttl * 1000)
traffic(threads, link, now, thread, link_ttl)
redis.call('HSET', followers, thread, begins and 0 or now)
redis.call('EXPIRE', followers, link_ttl)
want_poll(watch, watched, session, now, now, link_ttl)
redis.call('HSET', card, 'session', session)
want_card(subject_prefix, card_name, outbox, now, 0, link_ttl)
return false
