-- Returns the number of replies in a session's mailbox.
local session = ARGV[1]

return redis.call('ZCARD', key.mail(session))
