-- Has sessions polled next that were taken when their polls `began`: each has its name, and the ms
-- until then, -1 for never. One that is due at another time than its lease ends was moved by a
-- reply, a link or a later poll, and is left to them. Pauses of 20 s or more end on a grid of 10 s,
-- so that silent sessions are polled together.
local function put_off(polls, began, now)
  local sessions, dues = {}, {}
  for i, poll in ipairs(polls) do sessions[i] = poll[1] end
  local due_at = redis.call('ZMSCORE', key.watch, unpack(sessions))
  for i, poll in ipairs(polls) do
    local session, after_ms = poll[1], poll[2]
    if tonumber(due_at[i] or 0) == began + keep.poll_lease * 1000 then
      local due = now + after_ms
      if after_ms >= 20000 then due = math.ceil(due / 10000) * 10000 end
      if after_ms < 0 then redis.call('ZREM', key.watch, session) end
      if after_ms >= 0 then dues[#dues + 1], dues[#dues + 2] = due, session end
    end
  end
  if #dues > 0 then redis.call('ZADD', key.watch, unpack(dues)) end
end
