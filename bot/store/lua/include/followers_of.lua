-- Returns the threads that follow a session.
local function followers_of(session)
  local watched, found = key.watched(session), {}
  for _, field in ipairs(redis.call('HKEYS', watched)) do
    found[#found + 1] = string.match(field, '^joined:(.*)$')
  end
  return found
end
