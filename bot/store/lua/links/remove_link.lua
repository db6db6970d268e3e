-- Removes a link, unless a later request has changed it. The thread follows no session any more,
-- and its card says so.
-- Returns the link that was there, also to the same request again; or 'outdated', or false.
-- include: is_outdated
-- include: change_link
-- include: fall_silent
-- include: now_ms
-- include: want_card
local link = KEYS[1]
local threads = KEYS[2]
local recent = KEYS[3]
local changed = KEYS[4]
local heard = KEYS[5]
local watch = KEYS[6]
local card = KEYS[7]
local outbox = KEYS[8]
local gists = KEYS[9]
local thread_ts = ARGV[1]
local thread = ARGV[2]
local at = ARGV[3]
local since = ARGV[4]
local keep = tonumber(ARGV[5])
local followers_prefix = ARGV[6]
local follower = ARGV[7]
local owed = ARGV[8]
local pace_ms = tonumber(ARGV[9])

if is_outdated(changed, at) then return 'outdated' end
local linked = redis.call('GETDEL', link)
redis.call('ZREM', threads, thread_ts)
redis.call('ZREM', recent, thread)
if not linked then
  local asked, was = string.match(redis.call('GET', changed) or '', '^(%d+) (.+)$')
  return asked == at and was or false
end
local is_json, link_was = pcall(cjson.decode, linked)
if is_json and type(link_was) == 'table' and type(link_was.session) == 'string' then
  local followers = followers_prefix .. link_was.session
  redis.call('HDEL', followers, follower)
  if redis.call('HLEN', followers) == 0 then
    redis.call('ZREM', watch, link_was.session)
    redis.call('HDEL', gists, link_was.session)
  end
end
want_card(card, outbox, owed, now_ms(), pace_ms, keep)
fall_silent(heard, linked, change_link(changed, at, since, keep, linked), keep)
return linked
