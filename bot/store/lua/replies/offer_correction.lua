-- Returns the number under which a correction of a reply is offered: the first one given.
local reply = KEYS[1]
local number = ARGV[1]

if redis.call('EXISTS', reply) == 0 then return number end
redis.call('HSETNX', reply, 'offer', number)
return redis.call('HGET', reply, 'offer')
