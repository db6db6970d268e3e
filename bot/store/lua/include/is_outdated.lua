-- Whether a link was changed by somebody who asked after `at`: what Slack brings late must not undo
-- what was asked for after it. What acted last may run again, after a crash, say, and then gives
-- the same answer. `at` is '' for a press or a form, which is not late.
local function is_outdated(changed, at)
  local last = redis.call('GET', changed)
  return last and at ~= '' and tonumber(string.match(last, '^%d+')) > tonumber(at)
end
