-- Mutes or unmutes a link, unless a later request has changed it. Once it is unmuted, only replies
-- from then on are for Devin.
-- Returns the changed link, 'outdated', or false if there is no link that this version can read.
-- include: traffic
-- include: is_outdated
-- include: change_link
-- include: fall_silent
-- include: now_ms
-- include: want_card
local link = KEYS[1]
local recent = KEYS[2]
local changed = KEYS[3]
local heard = KEYS[4]
local card = KEYS[5]
local outbox = KEYS[6]
local mutes = ARGV[1] == '1'
local catch_up = tonumber(ARGV[2])
local thread = ARGV[3]
local at = ARGV[4]
local since = ARGV[5]
local keep = tonumber(ARGV[6])
local owed = ARGV[7]
local pace_ms = tonumber(ARGV[8])
local keep_card = tonumber(ARGV[9])

local raw = redis.call('GET', link)
local is_json, linked = pcall(cjson.decode, raw or '')
if not is_json or type(linked) ~= 'table' or linked.v ~= 1 then return false end
if is_outdated(changed, at) then return 'outdated' end
if linked.muted and not mutes then
  linked.since = math.max(linked.since or 0, math.ceil(since / 1000))
  traffic(recent, catch_up, since, thread)
end
linked.muted = mutes
at = change_link(changed, at, since, keep)
if mutes then fall_silent(heard, raw, at, keep) end
raw = cjson.encode(linked)
redis.call('SET', link, raw, 'KEEPTTL')
want_card(card, outbox, owed, now_ms(), pace_ms, keep_card)
return raw
