"""The Lua of a change that meets its reply while that is being sent.

Nobody knows then whether Devin takes the old words. So the change is noted, and counts as soon as
the reply waits again, in the step that lets it wait. A reply that Devin took, or that ended
otherwise, stays as it was sent, and the note goes; but that it was taken back stays noted, and
keeps it from being sent again.

Fields of the reply: `meanwhile` is the new reply, or nothing where it is taken back;
`meanwhile_at` the time of that edit in microseconds, or 0 for a deletion; `meanwhile_drops` the
field to forget with it, if any. `followed` is the time of the last edit that counted so.
"""

WITHDRAW = """
local function withdraw(key, mail, box, due, id, session, edited, keep)
  redis.call('HSET', key, 'state', 'withdrawn', 'edited', edited)
  redis.call('HDEL', key, 'reply')
  redis.call('EXPIRE', key, keep)
  redis.call('ZREM', mail, id)
  if redis.call('ZCARD', mail) == 0 then
    redis.call('DEL', box)
    redis.call('ZREM', due, session)
  end
end
"""

# Of two edits the later one counts, however they come; after a deletion there is none.
NOTE = """
local function note(key, new, edited, drops)
  local was = redis.call('HMGET', key, 'meanwhile', 'meanwhile_at')
  local is_gone = was[1] == '' and was[2] == '0'
  if edited ~= '0' and (is_gone or tonumber(was[2] or 0) > tonumber(edited)) then return end
  redis.call('HSET', key, 'meanwhile', new, 'meanwhile_at', edited, 'meanwhile_drops', drops)
end
"""

FOLLOW = (
    WITHDRAW
    + """
local function follow(key, mail, box, due, id, session, keep)
  local noted = redis.call('HMGET', key, 'meanwhile', 'meanwhile_at', 'meanwhile_drops')
  if not noted[1] then return end
  redis.call('HDEL', key, 'meanwhile', 'meanwhile_at', 'meanwhile_drops')
  redis.call('HSET', key, 'followed', noted[2])
  if noted[1] == '' then return withdraw(key, mail, box, due, id, session, noted[2], keep) end
  redis.call('HSET', key, 'reply', noted[1], 'edited', noted[2])
  if noted[3] ~= '' then redis.call('HDEL', key, noted[3]) end
end
"""
)
