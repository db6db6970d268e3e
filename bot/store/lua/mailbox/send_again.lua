-- Puts a finished reply back into its mailbox, in its next round, once for each round.
-- Returns 'waiting', also to the same `press` again; 'already' if the reply is not done, or is in
-- another round; 'gone' if there is nothing left to send.
local session = ARGV[1]
local reply_id = ARGV[2]
local score = tonumber(ARGV[3])
local number = tonumber(ARGV[4])
local press = ARGV[5]

local reply, mail = key.subject(reply_id), key.mail(session)
if redis.call('EXISTS', reply) == 0 or redis.call('HEXISTS', reply, 'reply') == 0 then
  return 'gone'
end
local is = redis.call('HMGET', reply, 'state', 'round', 'pressed', 'meanwhile')
if is[3] == press then return 'waiting' end
if is[4] == '' then return 'gone' end
if is[1] ~= 'done' or tonumber(is[2]) ~= number then return 'already' end
local now = now_ms()
redis.call('HSET', reply, 'state', 'waiting', 'accepted', now, 'pressed', press)
redis.call('HINCRBY', reply, 'round', 1)
redis.call('HDEL', reply, 'outcome', 'notice', 'noticed', 'meanwhile')
redis.call('EXPIRE', reply, keep.waiting)
redis.call('ZADD', mail, score, reply_id)
redis.call('EXPIRE', mail, keep.waiting)
redis.call('ZADD', key.due, 'NX', now, session)
redis.call('EXPIRE', key.due, keep.waiting)
return 'waiting'
