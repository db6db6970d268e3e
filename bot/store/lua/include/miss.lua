-- Notes that a linked thread may miss messages since `from`, a `ts` in microseconds of Slack's
-- clock, or since its link; and, if it `puts_behind`, that its session is behind. Returns false if
-- the thread is not linked, or is muted. A `from` just before the link, by a microsecond, stays:
-- see `CatchUp._read`.
local function miss(thread, from, puts_behind)
  local is_json, link = pcall(cjson.decode, redis.call('GET', key.link(thread)) or '')
  if not is_json or type(link) ~= 'table' or not link.session or link.muted then return false end
  local since = tonumber(link.since or 0)
  if from < since - 1 then from = since end
  redis.call('ZADD', key.unread, 'LT', from, thread)
  if puts_behind then redis.call('ZADD', key.behind, 'NX', 0, link.session) end
  return true
end
