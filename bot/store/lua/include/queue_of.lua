-- Returns the queue of an entry of a thread: what it has yet to be shown, or messages whose files.
local function queue_of(owed, thread)
  local is_of_files = string.match(owed, '%l+$') == 'files'
  return key.words(is_of_files and thread .. ':files' or thread)
end
