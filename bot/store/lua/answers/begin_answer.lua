-- Begins to answer a question, under a token, unless somebody has answered it, or is doing so.
-- Returns 'sent', 'busy' or 'begun', and the answer that was chosen before, if any.
-- include: now_ms
local answer = KEYS[1]
local token = ARGV[1]
local lease_ms = tonumber(ARGV[2])
local keep = tonumber(ARGV[3])

local was = redis.call('HMGET', answer, 'answer', 'is_sent', 'token', 'until')
local now = now_ms()
if was[2] then return {'sent', was[1] or ''} end
if was[3] and was[3] ~= token and tonumber(was[4]) > now then return {'busy', ''} end
redis.call('HSET', answer, 'token', token, 'until', now + lease_ms)
redis.call('EXPIRE', answer, keep)
return {'begun', was[1] or ''}
