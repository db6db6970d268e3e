-- Begins a try at an entry of the outbox. `begun` names the field with the time until which a try
-- keeps others out. Returns 1 if a try was begun before, else 0, then `fields` of the subject;
-- returns nothing if the entry has ended, or while another try is in progress.
-- include: now_ms
local subject = ARGV[1]
local owed = ARGV[2]
local begun = ARGV[3]
local lease_ms = tonumber(ARGV[4])
local fields = cjson.decode(ARGV[5])

local record = key.subject(subject)
if not redis.call('ZSCORE', key.outbox, owed) then return false end
if redis.call('EXISTS', record) == 0 then
  redis.call('ZREM', key.outbox, owed)
  return false
end
local now = now_ms()
local before = redis.call('HGET', record, begun)
if before and tonumber(before) > now then return false end
redis.call('HSET', record, begun, now + lease_ms)
redis.call('ZADD', key.outbox, now + lease_ms, owed)
local found = {before and 1 or 0}
for _, name in ipairs(fields) do found[#found + 1] = redis.call('HGET', record, name) or '' end
return found
