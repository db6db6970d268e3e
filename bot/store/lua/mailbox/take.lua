-- Takes the lease on a session that is due, and the head of its mailbox.
-- Returns 'held' if another token has the lease, or the step, as `next_head` does.
local session = ARGV[1]
local token = ARGV[2]

local now = now_ms()
local holder = redis.call('GET', key.lease(session))
if holder and holder ~= token then return {'held'} end
local at = tonumber(redis.call('ZSCORE', key.due, session) or 0)
if at > now then return {'later', at - now} end
return next_head(session, token, now, true)
