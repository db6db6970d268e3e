-- Notes the answer that is to be posted, if the question is being answered under that token still.
local answer = KEYS[1]
local token = ARGV[1]
local chosen = ARGV[2]

if redis.call('HGET', answer, 'token') ~= token then return 0 end
redis.call('HSET', answer, 'answer', chosen)
return 1
