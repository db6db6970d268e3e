-- Notes what became of one part of the batch being posted, or how many are in the thread. Returns
-- 0 if another try holds the entry, else 1.
local owed = ARGV[1]
local held = ARGV[2]
local name = ARGV[3]
local what = ARGV[4]

local subject, _, holds = try_of(owed)
if holds ~= held then return 0 end
local notes = cjson.decode(redis.call('HGET', subject, 'notes') or '{}')
notes[name] = what
redis.call('HSET', subject, 'notes', cjson.encode(notes))
return 1
