-- Forgets what a session's record, `watched`, has of a thread: its link has ended, or expired.
local function forget_thread(watched, thread)
  redis.call('HDEL', watched, 'linked:' .. thread, 'by:' .. thread, 'last:' .. thread,
             'owed:' .. thread)
end
