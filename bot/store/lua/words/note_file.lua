-- Notes the id that a file of the batch being posted has in Slack.
local subject = KEYS[1]
local name = ARGV[1]
local file_id = ARGV[2]

if redis.call('HEXISTS', subject, 'posting') == 0 then return 0 end
local files = cjson.decode(redis.call('HGET', subject, 'files') or '{}')
files[name] = file_id
local text = cjson.encode(files)
return redis.call('HSET', subject, 'files', text)
