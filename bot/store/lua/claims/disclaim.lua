-- Lets the next caller be first again.
local claim = KEYS[1]
local former = KEYS[2]

return redis.call('DEL', claim, former)
