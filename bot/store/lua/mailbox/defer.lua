-- Lets a head wait again, due after `after_ms`. Without a `report`, it has certainly not been sent;
-- with one, Devin did not accept it, and its first deferral owes that report and notes when it was.
-- Returns the attempts so far, and the ms after which to tell the report, or -1 for none; returns
-- false if the reply is no longer being sent under `token`.
local session = ARGV[1]
local token = ARGV[2]
local reply_id = ARGV[3]
local after_ms = tonumber(ARGV[4])
local report = ARGV[5]
local report_after_ms = tonumber(ARGV[6])

local reply, watched, lease = key.subject(reply_id), key.watched(session), key.lease(session)
local state, fence = unpack(redis.call('HMGET', reply, 'state', 'token'))
if state ~= 'sending' or fence ~= token then return false end
local now, attempts = now_ms(), 0
redis.call('HSET', reply, 'state', 'waiting')
if report ~= '' then
  redis.call('HSETNX', watched, 'failing', now)
  attempts = redis.call('HINCRBY', watched, 'attempts', 1)
  prolong(watched, keep.waiting)
end
redis.call('ZADD', key.due, 'XX', 'GT', now + after_ms, session)
if redis.call('GET', lease) == token then redis.call('DEL', lease) end
apply_change(reply_id, session)
local is_waiting = redis.call('HGET', reply, 'state') == 'waiting'
if report ~= '' and is_waiting and redis.call('HSETNX', reply, 'put_off_at', now) == 1 then
  redis.call('ZADD', key.outbox, now + report_after_ms, report)
  prolong(key.outbox, keep.waiting)
  return {attempts, report_after_ms}
end
return {attempts, -1}
