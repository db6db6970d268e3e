"""The Lua of `store/checkpoints.py`: what is noted of a thread that must be read.

A `ts` is in Unix microseconds of Slack's clock; all other times are Unix milliseconds of Redis'.
"""

from bot.redis.scripts import Script

# Notes that a thread may miss something since then, and that its session is behind.
_MISS = """
local function miss(unread, behind, prefix, name, from)
  local is_json, link = pcall(cjson.decode, redis.call('GET', prefix .. name) or '')
  if not is_json or type(link) ~= 'table' or not link.session or link.muted then return false end
  from = math.max(from, (link.since or 0) * 1000)
  redis.call('ZADD', unread, 'LT', from, name)
  redis.call('ZADD', behind, 'NX', 0, link.session)
  return true
end

local function begin_gap(gap, unread, behind, within_ms)
  local time = redis.call('TIME')
  redis.call('SET', gap, time[1] * 1000000 + time[2], 'PX', within_ms)
  redis.call('PEXPIRE', unread, within_ms)
  redis.call('PEXPIRE', behind, within_ms)
end
"""

# Without a process that vouches, as after an upgrade, each thread's own latest traffic does.
#
# KEYS: gap, recent, unread, behind, listeners
# ARGV: token, since when in us, or nothing for a process that begins, catch-up ms, overlap us,
#       dead after ms, link prefix
NOTE_ALL = Script(
    _MISS
    + """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = tonumber(ARGV[2])
local said = redis.call('HGETALL', KEYS[5])
redis.call('HSET', KEYS[5], 'noted', '0:' .. now)
redis.call('PEXPIRE', KEYS[5], ARGV[3])
for place = 1, #said, 2 do
  local kept, at = string.match(said[place + 1], '(%d+):(%d+)')
  if said[place] ~= 'noted' then
    since = math.min(since or math.huge, tonumber(kept))
    if now - at > tonumber(ARGV[5]) and said[place] ~= ARGV[1] then
      redis.call('HDEL', KEYS[5], said[place])
    end
  end
end
local threads = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for place = 1, #threads, 2 do
  local from = (since or tonumber(threads[place + 1])) - ARGV[4]
  miss(KEYS[3], KEYS[4], ARGV[6], threads[place], from)
end
begin_gap(KEYS[1], KEYS[3], KEYS[4], ARGV[3])
return 1
"""
)

# KEYS: gap, unread, behind
# ARGV: catch-up ms, link prefix, then for each thread: channel:thread_ts, since when in us, 1 if
#       somebody asked for something there, which is told also where there is no link
NOTE = Script(
    _MISS
    + """
local noted = 0
for place = 3, #ARGV, 3 do
  local name, from = ARGV[place], tonumber(ARGV[place + 1])
  local is_missed = miss(KEYS[2], KEYS[3], ARGV[2], name, from)
  if not is_missed and ARGV[place + 2] == '1' then
    redis.call('ZADD', KEYS[2], 'LT', from, name)
    is_missed = true
  end
  if is_missed then noted = noted + 1 end
end
if noted > 0 then begin_gap(KEYS[1], KEYS[2], KEYS[3], ARGV[1]) end
return noted
"""
)

# KEYS: listeners
# ARGV: token, up to when all was kept in us, catch-up ms, dead after ms
# Returns: up to when one that is dead has kept all, unless everything was noted since; or nothing.
VOUCH = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. now)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local noted = tonumber(string.match(redis.call('HGET', KEYS[1], 'noted') or ':0', ':(%d+)'))
local said, since = redis.call('HGETALL', KEYS[1]), nil
for place = 1, #said, 2 do
  local kept, at = string.match(said[place + 1], '(%d+):(%d+)')
  local is_dead = now - at > tonumber(ARGV[4]) and tonumber(at) > noted
  if is_dead and (not since or tonumber(kept) < tonumber(since)) then since = kept end
end
return since
""")

# Whoever lives hears what Slack would have brought to who leaves; the last one leaves its mark.
#
# KEYS: listeners
# ARGV: token, dead after ms
LEAVE = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local said = redis.call('HGETALL', KEYS[1])
for place = 1, #said, 2 do
  local at = string.match(said[place + 1], ':(%d+)')
  if said[place] ~= ARGV[1] and said[place] ~= 'noted' and now - at <= tonumber(ARGV[2]) then
    return redis.call('HDEL', KEYS[1], ARGV[1])
  end
end
return 0
""")

# KEYS: gap, catching up
# ARGV: token, hold ms
# Returns: the gap, 'none', or 'held'.
CLAIM = Script("""
local gap = redis.call('GET', KEYS[1])
if not gap then return 'none' end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return 'held' end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return gap
""")

# KEYS: gap, catching up
IS_LEFT = Script("""
return redis.call('EXISTS', KEYS[1]) == 1 and redis.call('EXISTS', KEYS[2]) == 0 and 1 or 0
""")

# KEYS: catching up
# ARGV: token, hold ms
RENEW = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

# What was not read is read after the next start; nobody's mail waits for that.
#
# KEYS: gap, catching up, behind
# ARGV: token, the gap that was read, or nothing
LET_GO = Script("""
if redis.call('GET', KEYS[1]) == ARGV[2] then redis.call('DEL', KEYS[1], KEYS[3]) end
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return redis.call('GET', KEYS[1]) and 1 or 0
""")

# KEYS: gap, unread, recent
# Returns: the gap, the threads to read, since when each, and those with traffic, latest first.
UNREAD = Script("""
return {redis.call('GET', KEYS[1]) or '', redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES'),
        redis.call('ZRANGE', KEYS[3], 0, -1, 'REV')}
""")

# KEYS: behind
# ARGV: limit
AWAITED = Script("""
return redis.call('ZRANGE', KEYS[1], 1, '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[1])
""")

# KEYS: gap, unread, read, behind, due, mail
# ARGV: the gap, session, until when in us, keep s, then for each thread: channel:thread_ts, since
# Returns: 1 where the session's mail has waited for that.
READ = Script("""
for place = 5, #ARGV, 2 do
  local since = redis.call('ZSCORE', KEYS[2], ARGV[place])
  if since and tonumber(since) == tonumber(ARGV[place + 1]) then
    redis.call('ZREM', KEYS[2], ARGV[place])
  end
  redis.call('ZADD', KEYS[3], 'GT', ARGV[3], ARGV[place])
end
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -5001)
redis.call('EXPIRE', KEYS[3], ARGV[4])
-- Something else of this session may have been noted since; it is in the next plan.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local waits = redis.call('ZSCORE', KEYS[4], ARGV[2])
redis.call('ZREM', KEYS[4], ARGV[2])
if not waits or waits == '0' or redis.call('ZCARD', KEYS[6]) == 0 then return 0 end
local due = redis.call('ZSCORE', KEYS[5], ARGV[2])
if due and tonumber(due) <= tonumber(waits) then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[5], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[2])
  return 1
end
return 0
""")
