-- Notes what became of one part of the batch being posted, or how many are in the thread.
local entry = ARGV[1]
local name = ARGV[2]
local what = ARGV[3]

local subject = key.subject(entry)
if redis.call('HEXISTS', subject, 'posting') == 0 then return 0 end
local notes = cjson.decode(redis.call('HGET', subject, 'notes') or '{}')
notes[name] = what
local text = cjson.encode(notes)
return redis.call('HSET', subject, 'notes', text)
