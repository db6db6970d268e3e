-- Returns the threads that are linked to a session, whether they follow what it says or not.
local function linked_threads(session)
  local watched, found = key.watched(session), {}
  for _, field in ipairs(redis.call('HKEYS', watched)) do
    found[#found + 1] = string.match(field, '^linked:(.*)$')
  end
  return found
end
