-- Ends an entry of the outbox. With `forgets`, its content is deleted, and only the fact that it
-- was owed stays known.
local subject = KEYS[1]
local outbox = KEYS[2]
local owed = ARGV[1]
local forgets = ARGV[2] == '1'

if forgets then redis.call('HDEL', subject, 'asked') end
return redis.call('ZREM', outbox, owed)
