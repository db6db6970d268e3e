-- Lets a head that has certainly not been sent wait again, due in `after` ms.
-- Returns 0 if the reply is no longer being sent under `token`.
-- include: now_ms
-- include: follow
local mail = KEYS[1]
local box = KEYS[2]
local due = KEYS[3]
local lease = KEYS[4]
local reply = KEYS[5]
local session = ARGV[1]
local token = ARGV[2]
local reply_id = ARGV[3]
local keep_withdrawn = tonumber(ARGV[4])
local after = tonumber(ARGV[5])

local was = redis.call('HMGET', reply, 'state', 'token')
if was[1] ~= 'sending' or was[2] ~= token then return 0 end
local now = now_ms()
redis.call('HSET', reply, 'state', 'waiting')
redis.call('ZADD', due, 'XX', 'GT', now + after, session)
if redis.call('GET', lease) == token then redis.call('DEL', lease) end
follow(reply, mail, box, due, reply_id, session, keep_withdrawn)
return 1
