-- Notes a change of a reply that is being sent, when it is unknown whether Devin accepts the old
-- text. The change takes effect in the step that lets the reply wait again (`apply_change`). If it
-- gets an outcome instead, it stays as it was sent and the note is deleted; only the note of a
-- withdrawal stays, and keeps the reply from being sent again.
-- Of two edits the later one counts, in whatever order they come; after a deletion none counts.
local function note_change(reply, new, edited, drops)
  local was = redis.call('HMGET', reply, 'meanwhile', 'meanwhile_at')
  local is_gone = was[1] == '' and was[2] == '0'
  if edited ~= 0 and (is_gone or tonumber(was[2] or 0) > edited) then return end
  redis.call('HSET', reply, 'meanwhile', new, 'meanwhile_at', edited, 'meanwhile_drops', drops)
end
