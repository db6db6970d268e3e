-- Returns what a read of a session's messages needs: its followers, each with when it joined and
-- its link, the ids of the messages that were read before, and its start, if the relay began it. A
-- thread without a link to the session follows it no more, and a session without followers is not
-- polled any more.
local session = ARGV[1]
local watch_ttl = tonumber(ARGV[2])

local watched, followers, shown = key.watched(session), key.followers(session), key.shown(session)
local found, all = {}, redis.call('HGETALL', followers)
for i = 1, #all, 2 do
  local link = redis.call('GET', key.link(all[i]))
  local is_json, linked = pcall(cjson.decode, link or '')
  if is_json and type(linked) == 'table' and linked.session == session then
    found[#found + 1] = {all[i], all[i + 1], link}
  else
    redis.call('HDEL', followers, all[i])
  end
end
if #found == 0 then
  redis.call('ZREM', key.watch, session)
  return {{}, {}, ''}
end
for _, name in ipairs({watched, followers, shown}) do redis.call('EXPIRE', name, watch_ttl) end
local started = redis.call('HGET', watched, 'started') or ''
return {found, redis.call('ZRANGE', shown, 0, -1), started}
