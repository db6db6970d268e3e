-- Returns what a read of a session's messages needs: its threads, each with the time from which it
-- hears what is said (and `read` once caught up), its link, and the message that it was owed last;
-- the ids of the messages that were read before, and its start, if the relay began it. A thread
-- without a link to the session is forgotten, and a session without threads is not polled any more,
-- unless it was started here.
local session = ARGV[1]
local link_ttl = tonumber(ARGV[2])

local watched, found = key.watched(session), {}
for _, thread in ipairs(linked_threads(session)) do
  local link = redis.call('GET', key.link(thread))
  local is_json, linked = pcall(cjson.decode, link or '')
  if is_json and type(linked) == 'table' and linked.session == session then
    local follows_from, owed = unpack(
      redis.call('HMGET', watched, 'linked:' .. thread, 'owed:' .. thread))
    found[#found + 1] = {thread, follows_from, link, owed or ''}
  else
    forget_thread(watched, thread)
  end
end
local read_ids, started = unpack(redis.call('HMGET', watched, 'read_ids', 'started'))
if #found == 0 and not started then
  redis.call('ZREM', key.watch, session)
  return {{}, '', ''}
end
redis.call('EXPIRE', watched, math.max(link_ttl, keep.watched))
return {found, read_ids or '', started or ''}
