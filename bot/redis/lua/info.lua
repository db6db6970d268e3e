-- Tells what the server says of its memory and its persistence; '' where it may not.

local function info(section)
  local told = redis.pcall('INFO', section)
  return type(told) == 'string' and told or ''
end

return {info('memory'), info('persistence')}
