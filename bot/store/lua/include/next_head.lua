-- Notes that the head of a mailbox is being sent under `token`, and returns it. One under another
-- token was being sent by a holder that is gone, or thought to be: it is `interrupted` until it
-- waits again; one under our own was taken by a first try whose answer was lost. While threads of
-- the session are to be read first, the head waits for what may be missing before it, until
-- `keep.read_first` after it was accepted. No head is taken before its `not_before`. A delivery
-- that no longer `goes_on` takes only what is under its own token, and lets the session queue after
-- those due for longer.
local function next_head(session, token, now, goes_on)
  local mail, watched, lease = key.mail(session), key.watched(session), key.lease(session)
  while true do
    local id = redis.call('ZRANGE', mail, 0, 0)[1]
    if not id then
      redis.call('DEL', lease)
      redis.call('HDEL', watched, 'failing', 'attempts')
      redis.call('ZREM', key.due, session)
      return {'empty'}
    end
    local reply = key.subject(id)
    local state, sent_under, sending_since, accepted, not_before, was_cut = unpack(redis.call(
      'HMGET', reply, 'state', 'token', 'sending_since', 'accepted', 'not_before', 'interrupted'))
    local is_sending = state == 'sending'
    local is_ours = is_sending and sent_under == token
    local until_ms = state == 'waiting' and tonumber(not_before or 0) or 0
    local missing_ms = (accepted or 0) + keep.read_first * 1000
    local may_wait = missing_ms > now and not is_ours
    if may_wait and redis.call('ZSCORE', key.read_first, session) then
      redis.call('ZADD', key.read_first, missing_ms, session)
      until_ms = math.max(until_ms, missing_ms)
    end
    if until_ms > now or not (goes_on or is_ours) then
      until_ms = math.max(until_ms, now)
      if redis.call('GET', lease) == token then redis.call('DEL', lease) end
      redis.call('ZADD', key.due, 'XX', 'GT', until_ms, session)
      return {'later', until_ms - now}
    end
    if state == 'waiting' or is_sending then
      local since = is_sending and sending_since or now
      redis.call('SET', lease, token, 'PX', keep.session_lease * 1000)
      redis.call('HSET', reply, 'state', 'sending', 'token', token, 'sending_since', since)
      local is_cut = is_sending and (not is_ours or was_cut)
      redis.call('HDEL', reply, 'interrupted')
      if is_cut then redis.call('HSET', reply, 'interrupted', 1) end
      local what = is_cut and 'interrupted' or 'head'
      local text, round, as_user, put_off_at = unpack(
        redis.call('HMGET', reply, 'reply', 'round', 'as_user', 'put_off_at'))
      local failing, attempts = unpack(redis.call('HMGET', watched, 'failing', 'attempts'))
      return {
        what, id, text, round, accepted, failing or '', attempts or 0, now, since, as_user,
        put_off_at,
      }
    end
    redis.call('ZREM', mail, id)
  end
end
