-- Returns true if a request made after `at` has changed a link: a request that Slack delivers late
-- must not undo a later one. The last request that took effect may run again, for instance after a
-- crash, and gets the same answer. `at` is '' for a press or a form, which never comes late.
local function is_outdated(changed, at)
  local last = redis.call('GET', changed)
  return last and at ~= '' and tonumber(string.match(last, '^%d+')) > tonumber(at)
end
