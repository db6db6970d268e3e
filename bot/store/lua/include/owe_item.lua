-- Adds an item to the queue of an entry of a thread. Returns true if the entry is new, and due now.
local function owe_item(owed, thread, item, now)
  local queue, subject = queue_of(owed, thread), try_of(owed)
  redis.call('RPUSH', queue, item)
  redis.call('EXPIRE', queue, keep.owed)
  redis.call('HSET', subject, 'round', 1)
  redis.call('EXPIRE', subject, keep.owed)
  local is_new = not redis.call('ZSCORE', key.outbox, owed)
  if is_new then
    redis.call('ZADD', key.outbox, now, owed)
    redis.call('HSET', subject, 'waiting_since', now)
  end
  prolong(key.outbox, keep.owed)
  return is_new
end
