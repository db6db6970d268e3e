-- Records the uploads of a reply's files, for as long as the reply is kept.
local reply = KEYS[1]
local files = ARGV[1]

if redis.call('EXISTS', reply) == 0 then return 0 end
redis.call('HSET', reply, 'files', files)
return 1
