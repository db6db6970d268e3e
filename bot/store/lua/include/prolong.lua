-- Keeps a key for at least `ttl` seconds from now.
local function prolong(name, ttl)
  if redis.call('TTL', name) < ttl then redis.call('EXPIRE', name, ttl) end
end
