-- Returns the record of an entry's subject, the field in it of the try that holds the entry, and
-- what it has: the time until which the try keeps others out (Unix ms), and its token. Whatever
-- ends or notes something of a try acts only if that is still its own.
local function try_of(owed)
  local subject, of = string.match(owed, '^([^|]*)(.*)$')
  local record, begun = key.subject(subject), 'begun' .. of
  return record, begun, redis.call('HGET', record, begun)
end
