-- Lets a head that Devin did not accept wait again, due in `delay` ms; its first deferral owes a
-- notice.
-- Returns the attempts so far, and the ms after which to give the notice, or -1 for none; returns
-- false if the reply is no longer being sent under `token`.
-- include: now_ms
-- include: follow
local mail = KEYS[1]
local box = KEYS[2]
local due = KEYS[3]
local lease = KEYS[4]
local reply = KEYS[5]
local outbox = KEYS[6]
local session = ARGV[1]
local token = ARGV[2]
local delay = tonumber(ARGV[3])
local keep = tonumber(ARGV[4])
local notice = ARGV[5]
local notice_after = tonumber(ARGV[6])
local reply_id = ARGV[7]
local keep_withdrawn = tonumber(ARGV[8])

local was = redis.call('HMGET', reply, 'state', 'token')
if was[1] ~= 'sending' or was[2] ~= token then return false end
local now = now_ms()
redis.call('HSET', reply, 'state', 'waiting')
redis.call('HSETNX', box, 'since', now)
local attempts = redis.call('HINCRBY', box, 'attempts', 1)
redis.call('EXPIRE', box, keep)
redis.call('ZADD', due, now + delay, session)
if redis.call('GET', lease) == token then redis.call('DEL', lease) end
follow(reply, mail, box, due, reply_id, session, keep_withdrawn)
local is_waiting = redis.call('HGET', reply, 'state') == 'waiting'
if is_waiting and redis.call('HSETNX', reply, 'notice', 1) == 1 then
  redis.call('ZADD', outbox, now + notice_after, notice)
  redis.call('EXPIRE', outbox, keep)
  return {attempts, notice_after}
end
return {attempts, -1}
