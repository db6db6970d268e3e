-- Measures the watch, of which it opens at most `most` sessions, and the entries with words among
-- the first `most` of the outbox. Returns for how long the most overdue session waits (ms), the
-- number of sessions, the state of each that was opened, the threads with words to post, and for
-- how long the first of them waits (ms).
local most = tonumber(ARGV[1])

local now = now_ms()
local first = redis.call('ZRANGE', key.watch, 0, 0, 'WITHSCORES')
local late = math.max(0, now - (tonumber(first[2]) or now))
local sessions, states = redis.call('ZRANGE', key.watch, 0, most - 1), {}
for i, session in ipairs(sessions) do
  local watched = key.watched(session)
  local is_json, seen = pcall(cjson.decode, redis.call('HGET', watched, 'seen') or '')
  states[i] = is_json and type(seen) == 'table' and seen.state or ''
end
local words, oldest = 0, now
for _, owed in ipairs(redis.call('ZRANGE', key.outbox, 0, most - 1)) do
  local name = string.match(owed, '^(.*)|1|words$')
  if name then
    words = words + 1
    local subject = key.subject(name)
    local waits = tonumber(redis.call('HGET', subject, 'waits') or now)
    if waits < oldest then oldest = waits end
  end
end
return {late, redis.call('ZCARD', key.watch), states, words, now - oldest}
