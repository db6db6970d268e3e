-- Notes a change of a reply that is being sent. It takes effect in the step that lets it wait again
-- (`apply_change`). Once there is an outcome, only the note of a withdrawal stays, and keeps the
-- reply from being sent again. The later one of two edits counts; after a deletion, none does.
local function note_change(reply, new, edited, drops)
  local noted, noted_at = unpack(redis.call('HMGET', reply, 'meanwhile', 'meanwhile_at'))
  local is_gone = noted == '' and noted_at == '0'
  if edited ~= 0 and (is_gone or tonumber(noted_at or 0) > edited) then return end
  redis.call('HSET', reply, 'meanwhile', new, 'meanwhile_at', edited, 'meanwhile_drops', drops)
end
