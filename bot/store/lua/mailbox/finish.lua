-- Writes a reply's outcome, pops it and owes its report; then takes the next head, or ends the
-- turn. The token on the reply is the fence: a holder that took the reply over has put its own
-- there. The lease itself may have expired, for instance while Redis was away; the outcome still
-- counts. `rest` is the reply to keep: '' for none, '1' for all of it. `link_ttl` is 0 for a reply
-- without a thread. `follower` is the thread that waits for what the session says to a reply of
-- `by`, or ''. Returns 'lost', 'held', or the step, as `next_head` does.
-- include: now_ms
-- include: next_head
-- include: stir
local mail = KEYS[1]
local box = KEYS[2]
local due = KEYS[3]
local lease = KEYS[4]
local reply = KEYS[5]
local outbox = KEYS[6]
local last = KEYS[7]
local watch = KEYS[8]
local watched = KEYS[9]
local followers = KEYS[10]
local session = ARGV[1]
local token = ARGV[2]
local lease_ms = tonumber(ARGV[3])
local reply_prefix = ARGV[4]
local wait_ms = tonumber(ARGV[5])
local reply_id = ARGV[6]
local outcome = ARGV[7]
local rest = ARGV[8]
local keep = tonumber(ARGV[9])
local answered = ARGV[10] == '1'
local report = ARGV[11]
local goes_on = ARGV[12] == '1'
local link_ttl = tonumber(ARGV[13])
local behind_prefix = ARGV[14]
local follower = ARGV[15]
local by = ARGV[16]
local poll_after_ms = tonumber(ARGV[17])

local turn = {
  mail = mail, box = box, due = due, lease = lease, session = session, token = token,
  lease_ms = lease_ms, reply_prefix = reply_prefix, wait_ms = wait_ms,
  behind_prefix = behind_prefix,
}

local now = now_ms()
local was = redis.call('HMGET', reply, 'state', 'token')
if was[2] ~= token then return {'lost'} end
if was[1] == 'sending' then
  redis.call('ZREM', mail, reply_id)
  redis.call('HSET', reply, 'state', 'done', 'outcome', outcome)
  if rest == '' then redis.call('HDEL', reply, 'reply', 'files') end
  local noted = redis.call('HGET', reply, 'meanwhile')
  if noted and noted ~= '' then redis.call('HDEL', reply, 'meanwhile') end
  if rest ~= '' and rest ~= '1' then redis.call('HSET', reply, 'reply', rest) end
  redis.call('EXPIRE', reply, keep)
  if answered then redis.call('DEL', box) end
  if report ~= '' then
    redis.call('ZADD', outbox, now, report)
    redis.call('EXPIRE', outbox, keep)
  end
  if link_ttl ~= 0 then redis.call('SET', last, outcome, 'EX', link_ttl) end
  if follower ~= '' then
    stir(watch, watched, followers, session, follower, by, now, now + poll_after_ms, link_ttl)
  end
end
local holder = redis.call('GET', lease)
if holder and holder ~= token then return {'held'} end
if goes_on then return next_head(turn, now) end
redis.call('DEL', lease)
if redis.call('ZCARD', mail) == 0 then
  redis.call('DEL', box)
  redis.call('ZREM', due, session)
  return {'empty'}
end
-- The session's turn is over: it queues behind the sessions that have been due for longer.
redis.call('ZADD', due, 'XX', 'GT', now, session)
return {'later', 0}
