-- Notes something of a reply that is kept, in one field; with `once`, the first note stays. Returns
-- what the field has now.
local reply_id = ARGV[1]
local field = ARGV[2]
local text = ARGV[3]
local once = ARGV[4] == '1'

local reply = key.subject(reply_id)
if redis.call('EXISTS', reply) == 0 then return text end
redis.call(once and 'HSETNX' or 'HSET', reply, field, text)
return redis.call('HGET', reply, field)
