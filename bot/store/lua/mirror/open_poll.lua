-- Returns what a read of a session's messages needs: its followers, each with when it joined and
-- its link, and the ids of the messages that were read before. A thread without a link to the
-- session follows it no more, and a session without followers is not polled any more.
local watch = KEYS[1]
local watched = KEYS[2]
local followers = KEYS[3]
local shown = KEYS[4]
local session = ARGV[1]
local link_prefix = ARGV[2]
local keep = tonumber(ARGV[3])

local found, all = {}, redis.call('HGETALL', followers)
for i = 1, #all, 2 do
  local link = redis.call('GET', link_prefix .. all[i])
  local is_json, linked = pcall(cjson.decode, link or '')
  if is_json and type(linked) == 'table' and linked.session == session then
    found[#found + 1] = {all[i], all[i + 1], link}
  else
    redis.call('HDEL', followers, all[i])
  end
end
if #found == 0 then
  redis.call('ZREM', watch, session)
  return {{}, {}}
end
for _, key in ipairs({watched, followers, shown}) do redis.call('EXPIRE', key, keep) end
return {found, redis.call('ZRANGE', shown, 0, -1)}
