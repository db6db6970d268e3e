-- Removes a claim, so that the next caller is the first again.
local claim = KEYS[1]
local former = KEYS[2]

return redis.call('DEL', claim, former)
