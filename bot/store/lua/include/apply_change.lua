-- Applies the change that `note_change` noted, now that its reply waits again.
local function apply_change(reply_id, session)
  local reply = key.subject(reply_id)
  local noted = redis.call('HMGET', reply, 'meanwhile', 'meanwhile_at', 'meanwhile_drops')
  if not noted[1] then return end
  redis.call('HDEL', reply, 'meanwhile', 'meanwhile_at', 'meanwhile_drops')
  redis.call('HSET', reply, 'applied', noted[2])
  if noted[1] == '' then return withdraw(reply_id, session, noted[2]) end
  redis.call('HSET', reply, 'reply', noted[1], 'edited', noted[2])
  if noted[3] ~= '' then redis.call('HDEL', reply, noted[3]) end
end
