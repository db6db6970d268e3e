-- Takes a session for a look under `token`, until `until_ms`. A follower without a link to the
-- session is forgotten, and so is a session without followers. Returns the session with its record,
-- when it was stirred, its step, and its followers: a name, when it joined, and its link; or
-- nothing.
local function open_look(session, watch, gists, at)
  local followers, watched, found = at.followers_prefix .. session, at.watched_prefix .. session, {}
  local all = redis.call('HGETALL', followers)
  for i = 1, #all, 2 do
    local link = redis.call('GET', at.link_prefix .. all[i])
    local is_json, linked = pcall(cjson.decode, link or '')
    if is_json and type(linked) == 'table' and linked.session == session then
      found[#found + 1] = {all[i], all[i + 1], link}
    else
      redis.call('HDEL', followers, all[i])
    end
  end
  if #found == 0 then
    redis.call('ZREM', watch, session)
    redis.call('HDEL', gists, session)
    return nil
  end
  redis.call('ZADD', watch, at.until_ms, session)
  redis.call('HSET', watched, 'token', at.token)
  for _, key in ipairs({followers, watched, at.shown_prefix .. session}) do
    redis.call('EXPIRE', key, at.keep)
  end
  local known = redis.call('HMGET', watched, 'seen', 'stirred', 'step')
  return {session, known[1] or '', known[2] or 0, known[3] or 0, found}
end
