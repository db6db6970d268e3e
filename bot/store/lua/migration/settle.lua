-- Drops keys that were set aside and have landed, and puts the others back where they were.
local every = KEYS[1]
local aside = KEYS[2]
local landed = cjson.decode(ARGV[1])
local stayed = cjson.decode(ARGV[2])

for _, name in ipairs(landed) do redis.call('DEL', aside .. name) end
for _, name in ipairs(stayed) do
  if redis.call('EXISTS', aside .. name) == 1 then
    redis.call('RENAME', aside .. name, every .. name)
  end
end
return #landed
