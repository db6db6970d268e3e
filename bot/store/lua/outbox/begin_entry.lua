-- Begins a try at an entry of the outbox, under a new `token`. Returns what holds the entry from
-- then on (`try_of`), 1 if a try was begun before, else 0, and the fields of the subject, each with
-- its value; returns nothing if the entry has ended, or while another try is in progress. Run
-- twice, it begins one.
-- It doesn't ask whether the entry is due: whoever calls `tell` before that starts it early.
local owed = ARGV[1]
local token = ARGV[2]
local lease_ms = tonumber(ARGV[3])

local record, begun, before = try_of(owed)
if redis.call('EXISTS', record) == 0 then redis.call('ZREM', key.outbox, owed) end
if not redis.call('ZSCORE', key.outbox, owed) then return false end
local now = now_ms()
local until_ms, holder = string.match(before or '0', '^(%d+)|?(.*)$')
if tonumber(until_ms) > now and holder ~= token then return false end
local held = now + lease_ms .. '|' .. token
redis.call('HSET', record, begun, held)
redis.call('ZADD', key.outbox, now + lease_ms, owed)
return {held, before and 1 or 0, redis.call('HGETALL', record)}
