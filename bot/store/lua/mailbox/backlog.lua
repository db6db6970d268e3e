-- Measures the backlog, opening at most `most` mailboxes; each mailbox beyond that counts as one
-- reply. Returns the number of waiting replies, the longest wait of a mailbox's head in ms, the
-- number of sessions with mail, and the number of entries in the outbox.
local most = tonumber(ARGV[1])

local now = now_ms()
local sessions = redis.call('ZCARD', key.due)
local replies, oldest = math.max(0, sessions - most), now
for _, session in ipairs(redis.call('ZRANGE', key.due, 0, most - 1)) do
  local mail = key.mail(session)
  replies = replies + redis.call('ZCARD', mail)
  local head = redis.call('ZRANGE', mail, 0, 0)[1]
  local reply = head and key.subject(head)
  local accepted = reply and tonumber(redis.call('HGET', reply, 'accepted') or now)
  if accepted and accepted < oldest then oldest = accepted end
end
return {replies, now - oldest, sessions, redis.call('ZCARD', key.outbox)}
