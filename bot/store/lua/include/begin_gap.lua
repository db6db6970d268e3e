-- Notes that threads must be read, and the time when that was requested.
local function begin_gap(gap, unread, behind, within_ms)
  local time = redis.call('TIME')
  redis.call('SET', gap, time[1] * 1000000 + time[2], 'PX', within_ms)
  redis.call('PEXPIRE', unread, within_ms)
  redis.call('PEXPIRE', behind, within_ms)
end
