"""The Lua of the mailbox: every change that must be one step.

Redis runs a script whole, so what a script checks still holds when it acts. Times are Unix
milliseconds of the Redis server, the one clock that all processes share. Keys of replies are built
from a prefix inside the scripts, which Redis Cluster allows because all keys share one hash tag.
"""

from bot.redis.scripts import Script
from bot.store.meanwhile import FOLLOW
from bot.store.places import PLACE

# A thread's latest traffic, by Slack's clock. A catch-up reads 2,000 threads; more than some times
# that are not worth their memory.
TRAFFIC = """
local function traffic(recent, within_ms, ts, thread)
  if within_ms == '0' then return end
  redis.call('ZADD', recent, 'GT', ts, thread)
  redis.call('ZREMRANGEBYSCORE', recent, '-inf', ts - within_ms * 1000)
  redis.call('ZREMRANGEBYRANK', recent, 0, -5001)
  redis.call('PEXPIRE', recent, within_ms)
end
"""

# KEYS: link, reply, mail, box, due, hold, threads, recent, read, places, unread
# ARGV: session, reply JSON, reply id, score, settle ms, settle limit ms, link TTL s, keep s, ts,
#       catch-up ms, channel:thread_ts, channel, 1 if there is a thread,
#       what vouches for it: 'event', 'old event', 'thread' if it stands there now, 'person' if
#       somebody sends it
# State `ahead`: an edit came before its message, and left the newer text (`store/revisions.py`).
# Returns: what happened, then the ms after which to wake the session, or -1 for no wake-up.
ACCEPT = Script(
    TRAFFIC
    + PLACE
    + """
local NEVER_TAKEN = {refused = true, given_up = true}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local settle = tonumber(ARGV[5])
local is_sent = ARGV[14] == 'person'

local known = redis.call('HGET', KEYS[2], 'state')
local is_free = known == 'ahead' or (is_sent and known == 'withdrawn')
if is_sent and known == 'done' then
  local is_json, ended = pcall(cjson.decode, redis.call('HGET', KEYS[2], 'outcome') or '')
  is_free = is_json and NEVER_TAKEN[ended.kind]
end
if known and not is_free then
  if known ~= 'waiting' or redis.call('EXISTS', KEYS[6]) == 1 then return {'repeated', -1} end
  local due = tonumber(redis.call('ZSCORE', KEYS[5], ARGV[1]) or now)
  return {'repeated', math.max(0, due - now)}
end

if ARGV[13] == '1' then
  local link = redis.call('GET', KEYS[1])
  if not link then return {'unlinked', -1} end
  link = cjson.decode(link)
  if link.session ~= ARGV[1] then return {'unlinked', -1} end
  if link.muted then return {'muted', -1} end
  if not is_sent and tonumber(ARGV[4]) <= (link.since or 0) * 1000 then return {'earlier', -1} end
  if not known and (ARGV[14] == 'event' or ARGV[14] == 'old event') then
    local read = redis.call('ZSCORE', KEYS[9], ARGV[11])
    if read and tonumber(ARGV[4]) <= tonumber(read) then return {'late', -1} end
    local unread = ARGV[14] == 'old event' and redis.call('ZSCORE', KEYS[11], ARGV[11])
    if unread and tonumber(ARGV[4]) > tonumber(unread) then return {'late', -1} end
  end
  -- A full Redis refuses this write, and would refuse none after one that frees or needs nothing.
  redis.call('ZADD', KEYS[7], now, ARGV[9])
  redis.call('EXPIRE', KEYS[7], ARGV[7])
  redis.call('EXPIRE', KEYS[1], ARGV[7])
  traffic(KEYS[8], ARGV[10], ARGV[4], ARGV[11])
  place(KEYS[10], now, ARGV[12], link.by, ARGV[7])
end

local reply = known == 'ahead' and not is_sent and redis.call('HGET', KEYS[2], 'reply') or ARGV[2]
local round = 1
if known and is_sent then
  local edited = redis.call('HGET', KEYS[2], 'edited')
  round = (redis.call('HGET', KEYS[2], 'round') or 0) + 1
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'edited', edited or 0)
end
local first = redis.call('ZCARD', KEYS[3]) == 0
redis.call('HSET', KEYS[2], 'state', 'waiting', 'reply', reply, 'session', ARGV[1],
           'round', round, 'accepted', now)
redis.call('EXPIRE', KEYS[2], ARGV[8])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[8])

if first then
  redis.call('ZADD', KEYS[5], now + settle, ARGV[1])
  redis.call('EXPIRE', KEYS[5], ARGV[8])
  if settle > 0 then
    redis.call('HSET', KEYS[4], 'settled_by', now + ARGV[6])
    redis.call('EXPIRE', KEYS[4], ARGV[8])
  end
  return {'accepted', settle}
end
local settled_by = redis.call('HGET', KEYS[4], 'settled_by')
if settle > 0 and settled_by and redis.call('EXISTS', KEYS[6]) == 0 then
  redis.call('ZADD', KEYS[5], 'GT', math.min(now + settle, tonumber(settled_by)), ARGV[1])
end
return {'accepted', -1}
"""
)

# What TAKE and FINISH end with: the head of the mailbox, marked as being sent under `token`. A head
# that is marked under another token was being sent by a holder that is gone, or thought to be; one
# under our own was taken by a first try whose answer was lost, before redis-py tried again.
# While threads of the session have still to be read, a reply waits for what may be missing before
# it, until it was accepted `wait_ms` ago, however often something is missed anew.
_NEXT = """
local function next_head(keys, session, token, hold_ms, prefix, wait_ms, now)
  local mail, box, due, hold, behind = keys[1], keys[2], keys[3], keys[4], keys[5]
  while true do
    local id = redis.call('ZRANGE', mail, 0, 0)[1]
    if not id then
      redis.call('DEL', hold, box)
      redis.call('ZREM', due, session)
      return {'empty'}
    end
    local key = prefix .. id
    local was = redis.call('HMGET', key, 'state', 'token', 'sent', 'accepted')
    local is_ours = was[1] == 'sending' and was[2] == token
    local until_ms = (was[4] or 0) + wait_ms
    if until_ms > now and not is_ours and redis.call('ZSCORE', behind, session) then
      redis.call('ZADD', behind, until_ms, session)
      if redis.call('GET', hold) == token then redis.call('DEL', hold) end
      redis.call('ZADD', due, 'XX', 'GT', until_ms, session)
      return {'later', until_ms - now}
    end
    if was[1] == 'waiting' or was[1] == 'sending' then
      local is_sent = was[1] == 'sending'
      local sent = is_sent and was[3] or now
      redis.call('SET', hold, token, 'PX', hold_ms)
      redis.call('HSET', key, 'state', 'sending', 'token', token, 'sent', sent)
      redis.call('HDEL', box, 'settled_by')
      local what = is_sent and was[2] ~= token and 'interrupted' or 'head'
      local reply = redis.call('HMGET', key, 'reply', 'round')
      local failing = redis.call('HMGET', box, 'since', 'attempts')
      return {what, id, reply[1], reply[2], was[4], failing[1] or '', failing[2] or 0, now,
              sent}
    end
    redis.call('ZREM', mail, id)
  end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# KEYS: mail, box, due, hold, behind
# ARGV: session, token, hold ms, reply prefix, wait ms
TAKE = Script(
    _NEXT
    + """
local holder = redis.call('GET', KEYS[4])
if holder and holder ~= ARGV[2] then return {'held'} end
local due = tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or 0)
if due > now then return {'later', due - now} end
return next_head(KEYS, ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], now)
"""
)

# The token on the reply is the fence: whoever took the reply over has put another one there. The
# hold itself may have expired meanwhile, while Redis was away, say; the outcome still counts.
#
# KEYS: mail, box, due, hold, behind, lately, reply, untold, last
# ARGV: session, token, hold ms, reply prefix, wait ms, reply id, outcome JSON, the rest of the
#       reply, keep s, devin answered?, report, go on?, link TTL s or 0 for no thread, the digest of
#       what Devin got or nothing, s for which that is kept
FINISH = Script(
    _NEXT
    + """
local was = redis.call('HMGET', KEYS[7], 'state', 'token', 'sent')
if was[2] ~= ARGV[2] then return {'lost'} end
if was[1] == 'sending' then
  redis.call('ZREM', KEYS[1], ARGV[6])
  redis.call('HSET', KEYS[7], 'state', 'done', 'outcome', ARGV[7])
  if ARGV[8] == '' then redis.call('HDEL', KEYS[7], 'reply', 'files') end
  local noted = redis.call('HGET', KEYS[7], 'meanwhile')
  if noted and noted ~= '' then redis.call('HDEL', KEYS[7], 'meanwhile') end
  if ARGV[8] ~= '' and ARGV[8] ~= '1' then redis.call('HSET', KEYS[7], 'reply', ARGV[8]) end
  redis.call('EXPIRE', KEYS[7], ARGV[9])
  if ARGV[10] == '1' then redis.call('DEL', KEYS[2]) end
  if ARGV[11] ~= '' then
    redis.call('ZADD', KEYS[8], now, ARGV[11])
    redis.call('EXPIRE', KEYS[8], ARGV[9])
  end
  if ARGV[14] ~= '' then
    -- This one and the last three, as `devin_session.parse_arrivals` reads them.
    local lately = redis.call('GET', KEYS[6]) or ''
    lately = string.match(lately, '%S+ %S+ %S+$') or lately
    lately = lately .. ' ' .. ARGV[14] .. ':' .. was[3] .. ':' .. (now - was[3])
    redis.call('SET', KEYS[6], lately, 'EX', ARGV[15])
  end
  if ARGV[13] ~= '0' then redis.call('SET', KEYS[9], ARGV[7], 'EX', ARGV[13]) end
end
local holder = redis.call('GET', KEYS[4])
if holder and holder ~= ARGV[2] then return {'held'} end
if ARGV[12] == '1' then
  return next_head(KEYS, ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], now)
end
redis.call('DEL', KEYS[4])
if redis.call('ZCARD', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2])
  redis.call('ZREM', KEYS[3], ARGV[1])
  return {'empty'}
end
-- Its turn is over: it lines up behind the sessions that have been due for longer.
redis.call('ZADD', KEYS[3], 'XX', 'GT', now, ARGV[1])
return {'later', 0}
"""
)

# KEYS: mail, box, due, hold, reply, untold
# ARGV: session, token, delay ms, keep s, notice, notice after ms, reply id, keep s once withdrawn
# Returns: the attempts so far, and the ms after which to give the notice, or -1 for none.
DEFER = Script(
    FOLLOW
    + """
local was = redis.call('HMGET', KEYS[5], 'state', 'token')
if was[1] ~= 'sending' or was[2] ~= ARGV[2] then return false end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[5], 'state', 'waiting')
redis.call('HSETNX', KEYS[2], 'since', now)
local attempts = redis.call('HINCRBY', KEYS[2], 'attempts', 1)
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1])
if redis.call('GET', KEYS[4]) == ARGV[2] then redis.call('DEL', KEYS[4]) end
follow(KEYS[5], KEYS[1], KEYS[2], KEYS[3], ARGV[7], ARGV[1], ARGV[8])
local is_waiting = redis.call('HGET', KEYS[5], 'state') == 'waiting'
local notice = -1
if is_waiting and redis.call('HSETNX', KEYS[5], 'notice', 1) == 1 then
  notice = tonumber(ARGV[6])
  redis.call('ZADD', KEYS[6], now + notice, ARGV[5])
  redis.call('EXPIRE', KEYS[6], ARGV[4])
end
return {attempts, notice}
"""
)

# KEYS: mail, box, due, hold, reply
# ARGV: session, token, reply id, keep s once withdrawn, due after ms
PUT_BACK = Script(
    FOLLOW
    + """
local was = redis.call('HMGET', KEYS[5], 'state', 'token')
if was[1] ~= 'sending' or was[2] ~= ARGV[2] then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[5], 'state', 'waiting')
redis.call('ZADD', KEYS[3], 'XX', 'GT', now + ARGV[5], ARGV[1])
if redis.call('GET', KEYS[4]) == ARGV[2] then redis.call('DEL', KEYS[4]) end
follow(KEYS[5], KEYS[1], KEYS[2], KEYS[3], ARGV[3], ARGV[1], ARGV[4])
return 1
"""
)

# KEYS: hold
# ARGV: token, hold ms
RENEW = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

# KEYS: mail, due, reply
# ARGV: session, reply id, score, round, keep s, token of this press
SEND_AGAIN = Script("""
if redis.call('EXISTS', KEYS[3]) == 0 or redis.call('HEXISTS', KEYS[3], 'reply') == 0 then
  return 'gone'
end
local now = redis.call('HMGET', KEYS[3], 'state', 'round', 'pressed', 'meanwhile')
if now[3] == ARGV[6] then return 'waiting' end
if now[4] == '' then return 'gone' end
if now[1] ~= 'done' or now[2] ~= ARGV[4] then return 'already' end
local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[3], 'state', 'waiting', 'accepted', ms, 'pressed', ARGV[6])
redis.call('HINCRBY', KEYS[3], 'round', 1)
redis.call('HDEL', KEYS[3], 'outcome', 'notice', 'noticed', 'meanwhile')
redis.call('EXPIRE', KEYS[3], ARGV[5])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('ZADD', KEYS[2], 'NX', ms, ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[5])
return 'waiting'
""")
