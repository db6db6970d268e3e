-- include: behind_of
-- Marks the head of a mailbox as being sent under `turn.token`, and returns it. A head that is
-- marked with another token was being sent by a holder that is gone, or thought to be; one marked
-- with our own was taken by a first try whose answer was lost, before redis-py tried again.
-- While threads of the session are still to be read in the reply's workspace, the head waits for
-- replies that may be missing before it, but no longer than `turn.wait_ms` from when it was
-- accepted, however often something is missed after that. No head is taken before its `not_before`.
local function next_head(turn, now)
  while true do
    local id = redis.call('ZRANGE', turn.mail, 0, 0)[1]
    if not id then
      redis.call('DEL', turn.lease, turn.box)
      redis.call('ZREM', turn.due, turn.session)
      return {'empty'}
    end
    local reply = turn.reply_prefix .. id
    local was = redis.call('HMGET', reply, 'state', 'token', 'sent', 'accepted', 'not_before')
    local is_ours = was[1] == 'sending' and was[2] == turn.token
    local until_ms = was[1] == 'waiting' and tonumber(was[5] or 0) or 0
    local missing_ms = (was[4] or 0) + turn.wait_ms
    local behind = missing_ms > now and not is_ours and behind_of(turn, id)
    if behind then
      redis.call('ZADD', behind, missing_ms, turn.session)
      until_ms = math.max(until_ms, missing_ms)
    end
    if until_ms > now then
      if redis.call('GET', turn.lease) == turn.token then redis.call('DEL', turn.lease) end
      redis.call('ZADD', turn.due, 'XX', 'GT', until_ms, turn.session)
      return {'later', until_ms - now}
    end
    if was[1] == 'waiting' or was[1] == 'sending' then
      local is_sent = was[1] == 'sending'
      local sent = is_sent and was[3] or now
      redis.call('SET', turn.lease, turn.token, 'PX', turn.lease_ms)
      redis.call('HSET', reply, 'state', 'sending', 'token', turn.token, 'sent', sent)
      local what = is_sent and was[2] ~= turn.token and 'interrupted' or 'head'
      local kept = redis.call('HMGET', reply, 'reply', 'round')
      local failing = redis.call('HMGET', turn.box, 'since', 'attempts')
      return {what, id, kept[1], kept[2], was[4], failing[1] or '', failing[2] or 0, now, sent}
    end
    redis.call('ZREM', turn.mail, id)
  end
end
