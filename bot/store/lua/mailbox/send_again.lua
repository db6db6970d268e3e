-- Puts a finished reply back into its mailbox, in its next round, once for each round.
-- Returns its session, also to the same `press` again; nothing if the reply is not done, is in
-- another round, or has nothing left to send.
local reply_id = ARGV[1]
local score = tonumber(ARGV[2])
local number = tonumber(ARGV[3])
local press = ARGV[4]

local reply = key.subject(reply_id)
local state, round, pressed, session, text, meanwhile, outcome = unpack(redis.call('HMGET',
  reply, 'state', 'round', 'pressed', 'session', 'reply', 'meanwhile', 'outcome'))
local is_delivered = string.find(outcome or '', '"kind":"delivered"', 1, true)
if not session or not text or is_delivered then return false end
if pressed == press then return session end
if state ~= 'done' or tonumber(round) ~= number or meanwhile == '' then return false end
local mail, now = key.mail(session), now_ms()
redis.call('HSET', reply, 'state', 'waiting', 'accepted', now, 'pressed', press)
redis.call('HINCRBY', reply, 'round', 1)
redis.call('HDEL', reply, 'outcome', 'put_off_at')
-- That it waits may still have to be taken back (`end_entry`).
if not redis.call('ZSCORE', key.outbox, reply_id .. '|' .. number .. '|delay') then
  redis.call('HDEL', reply, 'delay_told_in')
end
redis.call('EXPIRE', reply, keep.waiting)
redis.call('ZADD', mail, score, reply_id)
redis.call('EXPIRE', mail, keep.waiting)
redis.call('ZADD', key.due, 'NX', now, session)
redis.call('EXPIRE', key.due, keep.waiting)
return session
