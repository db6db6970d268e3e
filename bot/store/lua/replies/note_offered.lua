-- Notes that a correction by the edit of `edited` (microseconds) has been offered.
local reply = KEYS[1]
local edited = tonumber(ARGV[1])

if redis.call('EXISTS', reply) == 0 then return 0 end
return redis.call('HSET', reply, 'edited', edited)
