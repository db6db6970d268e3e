-- Returns the watched sessions whose ids begin with `short`.
local short = ARGV[1]

local found = {}
for _, session in ipairs(redis.call('ZRANGE', key.watch, 0, -1)) do
  if string.sub(session, 1, #short) == short then found[#found + 1] = session end
end
return found
