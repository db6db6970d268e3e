-- Measures the backlog, opening at most `most` mailboxes; each mailbox beyond that counts as one
-- reply. Returns the number of waiting replies, the longest wait of a mailbox's head in ms, the
-- number of sessions with mail, and the number of entries in the outbox.
-- include: now_ms
local due = KEYS[1]
local outbox = KEYS[2]
local most = tonumber(ARGV[1])
local mail_prefix = ARGV[2]
local reply_prefix = ARGV[3]

local now = now_ms()
local sessions = redis.call('ZCARD', due)
local replies, oldest = math.max(0, sessions - most), now
for _, session in ipairs(redis.call('ZRANGE', due, 0, most - 1)) do
  local mail = mail_prefix .. session
  replies = replies + redis.call('ZCARD', mail)
  local head = redis.call('ZRANGE', mail, 0, 0)[1]
  local reply = head and reply_prefix .. head
  local accepted = reply and tonumber(redis.call('HGET', reply, 'accepted') or now)
  if accepted and accepted < oldest then oldest = accepted end
end
return {replies, now - oldest, sessions, redis.call('ZCARD', outbox)}
