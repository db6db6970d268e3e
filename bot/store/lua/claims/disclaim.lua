-- Removes a claim, so that the next caller is the first again.
local claim = KEYS[1]

return redis.call('DEL', claim)
