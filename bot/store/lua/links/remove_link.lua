-- Removes a link, unless a later request has changed it, or it leads to another session than the
-- one that is named, if any. The thread follows no session any more, and its card says so.
-- Returns the link that was there, also to the same request again; or 'outdated', or false.
-- include: is_outdated
-- include: change_link
-- include: now_ms
-- include: want_card
local link = KEYS[1]
local threads = KEYS[2]
local changed = KEYS[3]
local watch = KEYS[4]
local outbox = KEYS[5]
local thread = ARGV[1]
local at = ARGV[2]
local since = ARGV[3]
local keep = tonumber(ARGV[4])
local followers_prefix = ARGV[5]
local subject_prefix = ARGV[6]
local card_prefix = ARGV[7]
local pace_ms = tonumber(ARGV[8])
local session = ARGV[9]

if is_outdated(changed, at) then return 'outdated' end
local linked = redis.call('GET', link)
local is_json, link_was = pcall(cjson.decode, linked or '')
is_json = is_json and type(link_was) == 'table'
if linked and session ~= '' and not (is_json and link_was.session == session) then return false end
redis.call('DEL', link)
redis.call('ZREM', threads, thread)
if not linked then
  local asked, was = string.match(redis.call('GET', changed) or '', '^(%d+) (.+)$')
  return asked == at and was or false
end
if is_json and type(link_was.session) == 'string' then
  local followers = followers_prefix .. link_was.session
  redis.call('HDEL', followers, thread)
  if redis.call('HLEN', followers) == 0 then redis.call('ZREM', watch, link_was.session) end
  local name = card_prefix .. (link_was.card or '')
  want_card(subject_prefix, name, outbox, now_ms(), pace_ms, keep)
end
change_link(changed, at, since, keep, linked)
return linked
