-- Ends looks that found nothing new: each has a session, its token, when it began, the ms until the
-- next look, -1 for none, and the gist that is enough for it, or ''. A session that a reply has
-- reached meanwhile, or a link, is looked at soon, and one that another look has taken is left to
-- it.
-- include: now_ms
local watch = KEYS[1]
local gists = KEYS[2]
local looks = cjson.decode(ARGV[1])
local watched_prefix = ARGV[2]
local lease_ms = tonumber(ARGV[3])
local keep = tonumber(ARGV[4])

local now = now_ms()
for _, look in ipairs(looks) do
  local session, token, began, after_ms, gist = look[1], look[2], look[3], look[4], look[5]
  local watched = watched_prefix .. session
  if redis.call('HGET', watched, 'token') == token then
    -- First, since a record whose only field is the token would end, and with it its TTL.
    redis.call('HINCRBY', watched, 'step', 1)
    redis.call('HDEL', watched, 'token')
    local due_at = tonumber(redis.call('ZSCORE', watch, session) or 0)
    local stirred = tonumber(redis.call('HGET', watched, 'stirred') or 0)
    local is_moved = stirred >= began or due_at ~= began + lease_ms
    if is_moved then after_ms = after_ms < 0 and 1000 or math.min(after_ms, 1000) end
    if after_ms < 0 then
      redis.call('ZREM', watch, session)
      redis.call('HDEL', gists, session)
    else
      local due = now + after_ms
      if gist ~= '' and not is_moved then
        due = due - 0.5
        gist = string.format('%.1f %s', due, gist)
        redis.call('HSET', gists, session, gist)
        redis.call('EXPIRE', gists, keep)
      end
      redis.call('ZADD', watch, 'XX', due, session)
    end
  end
end
return #looks
