-- Ends an entry of the outbox. With `forgets`, its content is deleted, and only the fact that it
-- was owed stays known.
local subject = ARGV[1]
local owed = ARGV[2]
local forgets = ARGV[3] == '1'

local record = key.subject(subject)
if forgets then redis.call('HDEL', record, 'asked') end
return redis.call('ZREM', key.outbox, owed)
