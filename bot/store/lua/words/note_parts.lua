-- Notes how many posts and files of the batch being posted are in the thread.
local subject = KEYS[1]
local parts = ARGV[1]

if redis.call('HEXISTS', subject, 'posting') == 0 then return 0 end
return redis.call('HSET', subject, 'parts', parts)
