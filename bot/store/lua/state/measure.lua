-- Measures what waits, opening at most `most` mailboxes, watched sessions and entries; each mailbox
-- beyond that counts as one reply, and each entry if it is due. Returns the number of waiting
-- replies, the longest wait of a mailbox's head (ms), the numbers of sessions with mail and of
-- waiting reports: entries, but for cards that rest (`end_card`) and the kinds `later`, which stand
-- between blanks; for how long the most overdue watched session waits (ms), their number, and the
-- state of each that was opened; the threads with words to post, and the longest wait of them (ms).
local most = tonumber(ARGV[1])
local later = ARGV[2]

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

local first = redis.call('ZRANGE', key.watch, 0, 0, 'WITHSCORES')
local overdue, states = math.max(0, now - (tonumber(first[2]) or now)), {}
for i, session in ipairs(redis.call('ZRANGE', key.watch, 0, most - 1)) do
  local watched = key.watched(session)
  local is_json, seen = pcall(cjson.decode, redis.call('HGET', watched, 'seen') or '')
  states[i] = is_json and type(seen) == 'table' and seen.state or ''
end

local words, first_words = 0, now
local reports = math.max(0, redis.call('ZCOUNT', key.outbox, '-inf', now) - most)
local entries = redis.call('ZRANGE', key.outbox, 0, most - 1, 'WITHSCORES')
for i = 1, #entries, 2 do
  local name, kind = string.match(entries[i], '^(.*)|1|(%l+)$')
  local rests = kind and string.find(later, ' ' .. kind .. ' ', 1, true)
  if kind == 'card' then
    local card = key.subject(name)
    rests = redis.call('HGET', card, 'rests_until') == entries[i + 1]
  elseif kind == 'words' then
    words = words + 1
    local subject = key.subject(name)
    local since = redis.call('HGET', subject, 'waiting_since')
    first_words = math.min(first_words, tonumber(since or now))
  end
  if not rests then reports = reports + 1 end
end
return {
  replies, now - oldest, sessions, reports,
  overdue, redis.call('ZCARD', key.watch), states, words, now - first_words,
}
