-- Notes when a link was changed; a press or a form (`at` is '') comes after whatever Slack has told
-- by then, which is `since`. The times are microseconds as text: Lua's `..` rounds such numbers.
local function change_link(changed, at, since, keep, was)
  local last = string.match(redis.call('GET', changed) or '0', '^%d+')
  if at == '' then at = tonumber(last) > tonumber(since) and last or since end
  redis.call('SET', changed, was and at .. ' ' .. was or at, 'EX', keep)
  return at
end
