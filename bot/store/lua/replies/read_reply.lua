-- Returns a reply's session and its JSON.
local reply = KEYS[1]

return redis.call('HMGET', reply, 'session', 'reply')
