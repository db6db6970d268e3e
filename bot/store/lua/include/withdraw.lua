-- Takes a reply out of its mailbox; `edited` is the time of the edit that caused it, in
-- microseconds, or 0 for a deletion.
local function withdraw(reply, mail, box, due, id, session, edited, keep)
  redis.call('HSET', reply, 'state', 'withdrawn', 'edited', edited)
  redis.call('HDEL', reply, 'reply')
  redis.call('EXPIRE', reply, keep)
  redis.call('ZREM', mail, id)
  if redis.call('ZCARD', mail) == 0 then
    redis.call('DEL', box)
    redis.call('ZREM', due, session)
  end
end
