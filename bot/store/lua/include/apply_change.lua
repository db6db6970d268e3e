-- Applies the change that `note_change` noted, now that its reply waits again.
local function apply_change(reply_id, session)
  local reply = key.subject(reply_id)
  local new, edited, drops = unpack(
    redis.call('HMGET', reply, 'meanwhile', 'meanwhile_at', 'meanwhile_drops'))
  if not new then return end
  redis.call('HDEL', reply, 'meanwhile', 'meanwhile_at', 'meanwhile_drops')
  redis.call('HSET', reply, 'applied', edited)
  if new == '' then return withdraw(reply_id, session, edited) end
  redis.call('HSET', reply, 'reply', new, 'edited', edited)
  if drops ~= '' then redis.call('HDEL', reply, drops) end
end
