-- Mutes or unmutes a link, unless a later request has changed it, or it leads to another session
-- than the one that is named, if any. Once it is unmuted, only replies from then on are for Devin.
-- Returns the changed link, 'outdated', or false if there is no link.
-- include: is_outdated
-- include: change_link
-- include: now_ms
-- include: want_card
local link = KEYS[1]
local changed = KEYS[2]
local outbox = KEYS[3]
local mutes = ARGV[1] == '1'
local at = ARGV[2]
local since = ARGV[3]
local keep = tonumber(ARGV[4])
local pace_ms = tonumber(ARGV[5])
local keep_card = tonumber(ARGV[6])
local subject_prefix = ARGV[7]
local card_prefix = ARGV[8]
local session = ARGV[9]

local raw = redis.call('GET', link)
local is_json, linked = pcall(cjson.decode, raw or '')
if not is_json or type(linked) ~= 'table' then return false end
if session ~= '' and linked.session ~= session then return false end
if is_outdated(changed, at) then return 'outdated' end
if linked.muted and not mutes then
  linked.since = tonumber(since) > tonumber(linked.since or 0) and since or linked.since
end
linked.muted = mutes
change_link(changed, at, since, keep)
raw = cjson.encode(linked)
redis.call('SET', link, raw, 'KEEPTTL')
want_card(subject_prefix, card_prefix .. linked.card, outbox, now_ms(), pace_ms, keep_card)
return raw
