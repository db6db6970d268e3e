-- Notes a change that meets its reply while that is being sent: nobody knows then whether Devin
-- takes the old words. It counts as soon as the reply waits again, in the step that lets it wait
-- (`follow`). A reply that Devin took, or that ended otherwise, stays as it was sent, and the note
-- goes; but that it was taken back stays noted, and keeps it from being sent again.
-- Of two edits the later one counts, however they come; after a deletion there is none.
local function note_change(reply, new, edited, drops)
  local was = redis.call('HMGET', reply, 'meanwhile', 'meanwhile_at')
  local is_gone = was[1] == '' and was[2] == '0'
  if edited ~= 0 and (is_gone or tonumber(was[2] or 0) > edited) then return end
  redis.call('HSET', reply, 'meanwhile', new, 'meanwhile_at', edited, 'meanwhile_drops', drops)
end
