-- Notes the time when a link was changed. A press or a form (`at` is '') counts as later than all
-- that Slack has delivered by then, which is `since`. The times are microseconds as text, since
-- Lua's `..` would round the numbers.
local function change_link(changed, at, since, keep, was)
  local last = string.match(redis.call('GET', changed) or '0', '^%d+')
  if at == '' then at = tonumber(last) > tonumber(since) and last or since end
  redis.call('SET', changed, was and at .. ' ' .. was or at, 'EX', keep)
  return at
end
