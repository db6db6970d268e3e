-- Chooses how much of its session a thread follows, unless a later request has changed its link, or
-- it leads to another session than the one that is named, if any; and asks for its card. A thread
-- without a choice followed as much as the `default`.
-- Returns the changed link, 'outdated', or false if there is no link.
-- include: is_outdated
-- include: change_link
-- include: now_ms
-- include: want_card
-- include: want_poll
local link = KEYS[1]
local changed = KEYS[2]
local outbox = KEYS[3]
local watch = KEYS[4]
local follow = ARGV[1]
local at = ARGV[2]
local since = ARGV[3]
local keep_changed = tonumber(ARGV[4])
local pace_ms = tonumber(ARGV[5])
local keep = tonumber(ARGV[6])
local subject_prefix = ARGV[7]
local card_prefix = ARGV[8]
local watched_prefix = ARGV[9]
local followers_prefix = ARGV[10]
local follower = ARGV[11]
local default = ARGV[12]
local session = ARGV[13]

local raw = redis.call('GET', link)
local is_json, linked = pcall(cjson.decode, raw or '')
if not is_json or type(linked) ~= 'table' then return false end
if session ~= '' and linked.session ~= session then return false end
if is_outdated(changed, at) then return 'outdated' end
change_link(changed, at, since, keep_changed)
local before = linked.follow
if before == nil or before == '' then before = default end
local was_silent = before == 'off' and follow ~= 'off'
linked.follow = follow
raw = cjson.encode(linked)
redis.call('SET', link, raw, 'KEEPTTL')
local now, followers = now_ms(), followers_prefix .. linked.session
-- What was said while the thread did not follow, but is not read yet, is older than `now`.
if was_silent then redis.call('HSET', followers, follower, now) end
redis.call('EXPIRE', followers, keep)
want_poll(watch, watched_prefix .. linked.session, linked.session, now, now, keep)
want_card(subject_prefix, card_prefix .. linked.card, outbox, now, pace_ms, keep)
return raw
