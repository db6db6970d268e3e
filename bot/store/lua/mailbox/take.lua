-- Takes the lease on a session that is due, and the head of its mailbox.
-- Returns 'held' if another token has the lease, or the step, as `next_head` does.
-- include: now_ms
-- include: next_head
local mail = KEYS[1]
local box = KEYS[2]
local due = KEYS[3]
local lease = KEYS[4]
local session = ARGV[1]
local token = ARGV[2]
local lease_ms = tonumber(ARGV[3])
local reply_prefix = ARGV[4]
local wait_ms = tonumber(ARGV[5])
local behind_prefix = ARGV[6]

local turn = {
  mail = mail, box = box, due = due, lease = lease, session = session, token = token,
  lease_ms = lease_ms, reply_prefix = reply_prefix, wait_ms = wait_ms,
  behind_prefix = behind_prefix,
}

local now = now_ms()
local holder = redis.call('GET', lease)
if holder and holder ~= token then return {'held'} end
local at = tonumber(redis.call('ZSCORE', due, session) or 0)
if at > now then return {'later', at - now} end
return next_head(turn, now)
