-- Lists what nobody does although it is due, the longest due first: up to `most_sessions` sessions
-- without a lease whose mail has been due for `mail_ms`, and up to `most_entries` entries of the
-- outbox that have been due for `entry_ms`. A busy session keeps its old due time, so the search
-- goes on past sessions under a lease, through at most `most_held` more.
local mail_ms = tonumber(ARGV[1])
local most_sessions = tonumber(ARGV[2])
local most_held = tonumber(ARGV[3])
local entry_ms = tonumber(ARGV[4])
local most_entries = tonumber(ARGV[5])

local now, most = now_ms(), most_sessions + most_held
local overdue = math.min(redis.call('ZCOUNT', key.due, '-inf', now - mail_ms), most)
local found, at = {}, 0
while at < overdue and #found < most_sessions do
  for _, session in ipairs(redis.call('ZRANGE', key.due, at, math.min(at + 500, overdue) - 1)) do
    if #found == most_sessions then break end
    if redis.call('EXISTS', key.lease(session)) == 0 then found[#found + 1] = session end
  end
  at = at + 500
end
return {found, redis.call('ZRANGE', key.outbox, '-inf', now - entry_ms, 'BYSCORE',
                          'LIMIT', 0, most_entries)}
