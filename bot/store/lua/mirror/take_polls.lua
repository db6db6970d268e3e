-- Takes the sessions that are due within `ahead_ms`, if one is due now; each is due again after
-- `keep.poll_lease`, should its poll not end. Returns the time, when the next session is due (0:
-- none), of each taken session what `Watches.take` names, and some links that end here, without
-- traffic for `link_ttl` seconds: each thread, and its link, or '' if Redis has forgotten that.
local limit = tonumber(ARGV[1])
local ahead_ms = tonumber(ARGV[2])
local link_ttl = tonumber(ARGV[3])

local now, ended = now_ms(), {}
local idle = redis.call('ZRANGE', key.threads, '-inf', now - link_ttl * 1000, 'BYSCORE',
                        'LIMIT', 0, 100)
for i, thread in ipairs(idle) do
  ended[i] = {thread, redis.call('GET', key.link(thread)) or ''}
  redis.call('DEL', key.link(thread))
  redis.call('ZREM', key.threads, thread)
end
local first = redis.call('ZRANGE', key.watch, 0, 0, 'WITHSCORES')
if not first[1] or tonumber(first[2]) > now then return {now, first[2] or 0, {}, ended} end
local taken, leases = {}, {}
local due = redis.call('ZRANGE', key.watch, '-inf', now + ahead_ms, 'BYSCORE', 'LIMIT', 0, limit)
for i, session in ipairs(due) do
  local watched = key.watched(session)
  local seen, replied, wanted, sent_at, since = unpack(redis.call('HMGET', watched,
    'seen', 'replied', 'read_wanted_at', 'reply_sent_at', 'answerable_since'))
  taken[i] = {session, seen or '', replied or 0, wanted or 0, sent_at or 0, since or 0}
  leases[2 * i - 1] = now + keep.poll_lease * 1000
  leases[2 * i] = session
end
redis.call('ZADD', key.watch, unpack(leases))
redis.call('EXPIRE', key.watch, math.max(link_ttl, keep.watched))
return {now, 0, taken, ended}
