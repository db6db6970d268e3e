-- Returns 1 if one of the keys exists and is not a fence.
local shared = KEYS

for _, key in ipairs(shared) do
  local type = redis.call('TYPE', key).ok
  if type ~= 'none' and type ~= 'stream' then return 1 end
end
return 0
