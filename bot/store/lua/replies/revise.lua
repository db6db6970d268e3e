-- Lets an edit or a deletion of `edited` (microseconds; 0: a deletion) count for a reply that
-- waits. One that meets a reply that is being sent is noted (`note_change`), and one that comes
-- before its reply waits for it for `ahead` seconds, unless that is 0. `old` is the reply that was
-- read, and `new` its successor; '' withdraws it. `drops` is the field to forget with the old one,
-- or ''. The same edit, or an older one that comes late, does nothing.
-- Returns what happened, and the outcome so far; 'raced' where the reply has to be read again.
-- include: withdraw
-- include: note_change
local reply = KEYS[1]
local mail = KEYS[2]
local box = KEYS[3]
local due = KEYS[4]
local outbox = KEYS[5]
local old = ARGV[1]
local new = ARGV[2]
local edited = tonumber(ARGV[3])
local reply_id = ARGV[4]
local session = ARGV[5]
local keep = tonumber(ARGV[6])
local ahead = tonumber(ARGV[7])
local drops = ARGV[8]

local was = redis.call('HMGET', reply, 'state', 'reply', 'edited', 'outcome', 'session', 'followed')
local state = was[1]
if edited > 0 and tonumber(was[3] or 0) >= edited then
  if tonumber(was[6] or 0) ~= edited then return {'repeated', ''} end
  return {state == 'withdrawn' and 'withdrawn' or 'changed', ''}
end
-- Accepted since it was read: the keys are not those of its mailbox.
if (was[5] or '') ~= session then return {'raced', ''} end
if not state then
  if ahead == 0 then return {'unknown', ''} end
  redis.call('HSET', reply, 'state', 'withdrawn', 'edited', edited)
  if new ~= '' then redis.call('HSET', reply, 'state', 'ahead', 'reply', new) end
  redis.call('EXPIRE', reply, ahead)
  return {'ahead', ''}
end
if state == 'withdrawn' then return {'repeated', ''} end
if state == 'done' then
  -- Nobody shall send again what its author took back; its report may still need the words.
  local report = reply_id .. '|' .. redis.call('HGET', reply, 'round') .. '|outcome'
  if new == '' and redis.call('ZSCORE', outbox, report) then
    note_change(reply, '', edited, '')
  elseif new == '' then
    redis.call('HDEL', reply, 'reply')
  end
  return {'late', was[4] or ''}
end
if new ~= '' and was[2] ~= old then return {'raced', ''} end
if state == 'sending' then
  note_change(reply, new, edited, drops)
  return {'sending', ''}
end
if new ~= '' then
  redis.call('HSET', reply, 'reply', new, 'edited', edited)
  if drops ~= '' then redis.call('HDEL', reply, drops) end
  return {state == 'ahead' and 'ahead' or 'changed', ''}
end
if state == 'ahead' then
  redis.call('HSET', reply, 'state', 'withdrawn', 'edited', edited)
  redis.call('HDEL', reply, 'reply')
  return {'ahead', ''}
end
withdraw(reply, mail, box, due, reply_id, session, edited, keep)
return {'withdrawn', ''}
