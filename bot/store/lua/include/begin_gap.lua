-- Notes that threads must be read, and the time when that was requested.
local function begin_gap(within_ms)
  local time = redis.call('TIME')
  redis.call('HSET', key.heard, 'gap', time[1] * 1000000 + time[2])
  redis.call('PEXPIRE', key.heard, within_ms)
  redis.call('PEXPIRE', key.unread, within_ms)
  redis.call('PEXPIRE', key.behind, within_ms)
end
