-- Counts the replies of a session's mailbox, opening at most `most` of them. Returns their number,
-- and for each thread among the opened ones its name and how many are its own. A reply's record
-- begins with its thread, so its text is not parsed.
local session = ARGV[1]
local most = tonumber(ARGV[2])

local mail = key.mail(session)
local counts, answer = {}, {redis.call('ZCARD', mail)}
for _, id in ipairs(redis.call('ZRANGE', mail, 0, most - 1)) do
  local reply = key.subject(id)
  local record = redis.call('HGET', reply, 'reply') or ''
  local team, channel, ts = string.match(
    record, '"thread":{"team":"([^"]*)","channel":"([^"]*)","thread_ts":"([^"]*)"}'
  )
  local thread = team and team .. ':' .. channel .. ':' .. ts
  if thread then counts[thread] = (counts[thread] or 0) + 1 end
end
for thread, count in pairs(counts) do
  answer[#answer + 1], answer[#answer + 2] = thread, count
end
return answer
