-- Takes the sessions that are due within `ahead_ms` for a look, if one is due now; a taken session
-- is due again after `lease_ms`, should its look not end. Returns the time, when the next session
-- is due (0: none), each taken session as `open_look` does, and those of which a gist is enough,
-- with it: the sessions that are due when their gist says, so that nobody else wanted a look at
-- them. Of these, all are taken that are due within `gists_ahead_ms`, so that a batch has many. A
-- gist is enough for half of `keep`: then a look renews what would expire.
-- include: now_ms
-- include: open_look
local watch = KEYS[1]
local gists = KEYS[2]
local limit = tonumber(ARGV[1])
local ahead_ms = tonumber(ARGV[2])
local lease_ms = tonumber(ARGV[3])
local token = ARGV[4]
local keep = tonumber(ARGV[5])
local watched_prefix = ARGV[6]
local followers_prefix = ARGV[7]
local link_prefix = ARGV[8]
local shown_prefix = ARGV[9]
local gists_ahead_ms = tonumber(ARGV[10])

local now = now_ms()
local first = redis.call('ZRANGE', watch, 0, 0, 'WITHSCORES')
if not first[1] then return {now, 0, {}, {}} end
if tonumber(first[2]) > now then return {now, first[2], {}, {}} end
local due = redis.call(
  'ZRANGE', watch, '-inf', now + gists_ahead_ms, 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES')
for _, key in ipairs({watch, gists}) do redis.call('EXPIRE', key, keep) end
local at = {
  until_ms = now + lease_ms, token = token, keep = keep, watched_prefix = watched_prefix,
  followers_prefix = followers_prefix, link_prefix = link_prefix, shown_prefix = shown_prefix,
}
local sessions, taken, short, leases = {}, {}, {}, {}
for i = 1, #due, 2 do sessions[#sessions + 1] = due[i] end
local known = redis.call('HMGET', gists, unpack(sessions))
for i, session in ipairs(sessions) do
  local due_at, gist = string.match(known[i] or '', '^(%d+%.5) (.*)$')
  local read_at = tonumber(string.match(gist or '', '"read_at":(%d+)') or 0)
  if tonumber(due_at) == tonumber(due[2 * i]) and read_at > now - keep * 500 then
    short[#short + 1] = {session, gist}
    leases[#leases + 1] = at.until_ms
    leases[#leases + 1] = session
  elseif tonumber(due[2 * i]) <= now + ahead_ms then
    taken[#taken + 1] = open_look(session, watch, gists, at)
  end
end
if #leases > 0 then redis.call('ZADD', watch, unpack(leases)) end
return {now, 0, taken, short}
