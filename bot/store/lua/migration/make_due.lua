-- Makes each session with mail due that is not: a script of an earlier version may have met a fence
-- after it had written the mailbox. Returns the number of mailboxes.
-- include: now_ms
local due = KEYS[1]
local mail = ARGV[1]
local keep = tonumber(ARGV[2])

local mailboxes, cursor = {}, '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', mail .. '*', 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do mailboxes[#mailboxes + 1] = key end
until cursor == '0'
for _, key in ipairs(mailboxes) do
  redis.call('ZADD', due, 'NX', now_ms(), string.sub(key, #mail + 1))
end
if redis.call('TTL', due) == -1 then redis.call('EXPIRE', due, keep) end
return #mailboxes
