-- Takes a reply out of its mailbox; `edited` is the time of the edit that caused it, in
-- microseconds, or 0 for a deletion. A report that it waits, or a try at it, is to be taken back.
local function withdraw(reply_id, session, edited)
  local reply, mail, watched = key.subject(reply_id), key.mail(session), key.watched(session)
  local told_in, round, text = unpack(
    redis.call('HMGET', reply, 'delay_told_in', 'round', 'reply'))
  local delay = reply_id .. '|' .. (round or '') .. '|delay'
  local _, _, holds = try_of(delay)
  if holds then redis.call('HSET', reply, 'delay_told_in', cjson.decode(text).thread.thread_ts) end
  redis.call('HSET', reply, 'state', 'withdrawn', 'edited', edited)
  redis.call('HDEL', reply, 'reply', 'files')
  redis.call('EXPIRE', reply, keep.done)
  redis.call('ZREM', mail, reply_id)
  if told_in then
    redis.call('ZADD', key.outbox, now_ms(), delay)
    prolong(key.outbox, keep.done)
  end
  if redis.call('ZCARD', mail) == 0 then
    redis.call('HDEL', watched, 'failing', 'attempts')
    redis.call('ZREM', key.due, session)
  end
end
