-- Gives keys their new names: each of `keys` has its name, its TTL in ms and its value, as
-- `list_aside` returns them. A name that exists is left as it is, unless it is a fence. `landed`
-- has the names that this has done, until their sources are dropped, so that none is done twice.
-- Returns for each key 1, or 0 if the name exists; or false without the lease.
local lease = KEYS[1]
local landed = KEYS[2]
local every = ARGV[1]
local token = ARGV[2]
local lease_ms = tonumber(ARGV[3])
local keep = tonumber(ARGV[4])
local keys = cjson.decode(ARGV[5])

local function bytes(digits)
  local text = string.gsub(digits, '..', function(two) return string.char(tonumber(two, 16)) end)
  return text
end

if redis.call('GET', lease) ~= token then return false end
redis.call('PEXPIRE', lease, lease_ms)
local results = {}
for i, one in ipairs(keys) do
  local key = every .. one[1]
  if redis.call('TYPE', key).ok == 'stream' then redis.call('DEL', key) end
  if redis.call('SISMEMBER', landed, one[1]) == 1 then
    results[i] = 1
  elseif redis.call('EXISTS', key) == 1 then
    results[i] = 0
  else
    redis.call('RESTORE', key, math.max(0, one[2]), bytes(one[3]))
    redis.call('SADD', landed, one[1])
    results[i] = 1
  end
end
redis.call('EXPIRE', landed, keep)
return results
