-- Applies an edit (`edited` is its time in microseconds) or a deletion (0) to a reply that waits.
-- If that is being sent, the change is noted (`note_change`); if it has not come yet, the change
-- waits for it, if it `may_be_ahead`. What Devin may lack is sent again as it is now. `old` is the
-- reply that was read, and `new` its successor; '' withdraws it. `drops` is the field to delete
-- with the old one, or ''. The same edit, or an older one, has no effect.
-- Returns the result and the outcome so far; 'raced' if the reply must be read again.
local reply_id = ARGV[1]
local session = ARGV[2]
local old = ARGV[3]
local new = ARGV[4]
local edited = tonumber(ARGV[5])
local may_be_ahead = ARGV[6] == '1'
local drops = ARGV[7]

local reply = key.subject(reply_id)
local state, text, last_edit, outcome, had_by, applied, meanwhile_at = unpack(redis.call('HMGET',
  reply, 'state', 'reply', 'edited', 'outcome', 'session', 'applied', 'meanwhile_at'))
if edited > 0 and tonumber(last_edit or 0) >= edited then
  if tonumber(applied or 0) ~= edited then return {'repeated', ''} end
  return {state == 'withdrawn' and 'withdrawn' or 'changed', ''}
end
-- The reply was accepted after it was read, so it is in another mailbox.
if (had_by or '') ~= session then return {'raced', ''} end
if not state then
  if not may_be_ahead then return {'unknown', ''} end
  redis.call('HSET', reply, 'state', 'withdrawn', 'edited', edited)
  if new ~= '' then redis.call('HSET', reply, 'state', 'ahead', 'reply', new) end
  redis.call('EXPIRE', reply, keep.ahead)
  return {'ahead', ''}
end
if state == 'withdrawn' then return {'repeated', ''} end
if new ~= '' and (text or '') ~= old then return {'raced', ''} end
if state == 'sending' then
  note_change(reply, new, edited, drops)
  return {'sending', ''}
end
local has_it = string.find(outcome or '', '"kind":"delivered"', 1, true)
local may_be_sent_again = text and not has_it and edited >= tonumber(meanwhile_at or 0)
if new ~= '' and (state ~= 'done' or may_be_sent_again) then
  redis.call('HSET', reply, 'reply', new, 'meanwhile_at', edited)
  if drops ~= '' then redis.call('HDEL', reply, drops) end
end
if state == 'done' then
  -- A reply that its author took back must not be sent again; its report may still need the text.
  local report = reply_id .. '|' .. redis.call('HGET', reply, 'round') .. '|outcome'
  local is_told = not redis.call('ZSCORE', key.outbox, report)
  if new == '' and is_told then redis.call('HDEL', reply, 'reply', 'files') end
  if new == '' and not is_told then note_change(reply, '', edited, '') end
  return {'done', outcome or ''}
end
if new ~= '' then
  redis.call('HSET', reply, 'edited', edited)
  return {state == 'ahead' and 'ahead' or 'changed', ''}
end
withdraw(reply_id, session, edited)
if state == 'ahead' then redis.call('EXPIRE', reply, keep.ahead) end
return {state == 'ahead' and 'ahead' or 'withdrawn', ''}
