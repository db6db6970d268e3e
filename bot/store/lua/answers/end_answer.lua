-- Ends the work under a token; with `is_sent`, the noted answer is the one that was sent.
local answer = KEYS[1]
local token = ARGV[1]
local is_sent = ARGV[2] == '1'

if redis.call('HGET', answer, 'token') ~= token then return 0 end
redis.call('HDEL', answer, 'token', 'until')
if is_sent then redis.call('HSET', answer, 'is_sent', 1) end
if redis.call('HLEN', answer) == 0 then redis.call('DEL', answer) end
return 1
