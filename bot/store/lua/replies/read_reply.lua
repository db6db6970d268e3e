-- Returns a reply's session and what is kept of it.
local reply = KEYS[1]

return redis.call('HMGET', reply, 'session', 'reply')
