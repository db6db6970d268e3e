-- Writes a reply's outcome, pops it and owes its report; then takes the next head, or ends the
-- delivery. The token on the reply is the fence: a holder that took the reply over has put its own
-- there. The lease itself may have expired, for instance while Redis was away; the outcome still
-- counts. `kept` is the reply to keep, or ''. `answered`: Devin responded, so it isn't failing.
-- `thread` has the outcome for `status`, as long as it is linked to the session; '' is none. If the
-- reply, which `by` wrote, reached the session or `may_be_there`, what was open when it was sent is
-- answered.
-- Returns 'lost', 'held', or the step, as `next_head` does.
local session = ARGV[1]
local token = ARGV[2]
local reply_id = ARGV[3]
local outcome = ARGV[4]
local kept = ARGV[5]
local answered = ARGV[6] == '1'
local report = ARGV[7]
local goes_on = ARGV[8] == '1'
local thread = ARGV[9]
local by = ARGV[10]
local may_be_there = ARGV[11] == '1'
local link_ttl = tonumber(ARGV[12])
local poll_after_ms = tonumber(ARGV[13])

local reply, mail, lease = key.subject(reply_id), key.mail(session), key.lease(session)
local watched = key.watched(session)
local now = now_ms()
local state, fence, meanwhile, drops, since = unpack(redis.call(
  'HMGET', reply, 'state', 'token', 'meanwhile', 'meanwhile_drops', 'sending_since'))
if fence ~= token then return {'lost'} end
if state == 'sending' then
  redis.call('ZREM', mail, reply_id)
  redis.call('HSET', reply, 'state', 'done', 'outcome', outcome)
  if kept == '' then redis.call('HDEL', reply, 'reply', 'files') end
  if kept ~= '' then redis.call('HSET', reply, 'reply', kept) end
  -- '' stays: the message was taken back meanwhile, so it must not be sent again (`note_change`).
  if meanwhile and meanwhile ~= '' then
    redis.call('HDEL', reply, 'meanwhile', 'meanwhile_drops')
    -- What may be sent again is what the message says now.
    if not string.find(outcome, '"kind":"delivered"', 1, true) then
      redis.call('HSET', reply, 'reply', meanwhile)
      if drops ~= '' then redis.call('HDEL', reply, drops) end
    end
  end
  redis.call('EXPIRE', reply, keep.done)
  if answered then redis.call('HDEL', watched, 'failing', 'attempts') end
  if report ~= '' then
    redis.call('ZADD', key.outbox, now, report)
    prolong(key.outbox, keep.done)
  end
  if thread ~= '' then
    local is_linked = redis.call('HEXISTS', watched, 'linked:' .. thread) == 1
    if is_linked then redis.call('HSET', watched, 'last:' .. thread, outcome) end
    if is_linked and may_be_there then redis.call('HSET', watched, 'by:' .. thread, by) end
    if may_be_there then redis.call('HSET', watched, 'replied', now, 'reply_sent_at', since) end
    want_poll(session, now + poll_after_ms, now, link_ttl)
  end
end
local holder = redis.call('GET', lease)
if holder and holder ~= token then return {'held'} end
return next_head(session, token, now, goes_on)
