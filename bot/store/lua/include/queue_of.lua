-- Returns the queue of an entry of a thread: what it has yet to be shown, or messages whose files.
local function queue_of(owed, thread)
  if string.match(owed, '%l+$') == 'files' then return key.files(thread) end
  return key.words(thread)
end
