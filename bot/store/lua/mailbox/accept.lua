-- Puts a reply into its session's mailbox, once, if its thread is still linked to that session. A
-- reply in the state `ahead` is one whose edit came first and left the newer text (`revise`).
-- `voucher` is the evidence for the reply: 'event', 'old event', 'thread' if it was just read
-- there, or 'person' if a person sends it. With a `token`, the reply of an idle session is handed
-- to the caller: it is marked as being sent, under a lease with that token, unless its session
-- waits for threads to be read. Returns the result; the ms after which to wake the session, or -1
-- for no wake-up; and a reply that is handed over, as `next_head` does, with '' for a text that is
-- the caller's.
-- include: now_ms
-- include: traffic
local link = KEYS[1]
local reply = KEYS[2]
local mail = KEYS[3]
local box = KEYS[4]
local due = KEYS[5]
local lease = KEYS[6]
local threads = KEYS[7]
local read = KEYS[8]
local unread = KEYS[9]
local behind = KEYS[10]
local session = ARGV[1]
local text = ARGV[2]
local reply_id = ARGV[3]
local score = tonumber(ARGV[4])
local settle = tonumber(ARGV[5])
local settle_limit = tonumber(ARGV[6])
local link_ttl = tonumber(ARGV[7])
local keep = tonumber(ARGV[8])
local thread = ARGV[9]
local has_thread = ARGV[10] == '1'
local voucher = ARGV[11]
local token = ARGV[12]
local lease_ms = tonumber(ARGV[13])

local NEVER_TAKEN = {refused = true, given_up = true}
local now = now_ms()
local is_sent = voucher == 'person'

local known = redis.call('HGET', reply, 'state')
local is_free = known == 'ahead' or (is_sent and known == 'withdrawn')
if is_sent and known == 'done' then
  local was = redis.call('HMGET', reply, 'outcome', 'session')
  local is_json, ended = pcall(cjson.decode, was[1] or '')
  is_free = (is_json and NEVER_TAKEN[ended.kind]) or was[2] ~= session
end
if known and not is_free then
  local was = redis.call('HMGET', reply, 'token', 'reply', 'round', 'accepted')
  if known == 'sending' and was[1] == token then  -- the answer of a first try was lost
    return {'accepted', -1, {'head', reply_id, was[2], was[3], was[4], '', 0, now, was[4]}}
  end
  if known ~= 'waiting' or redis.call('EXISTS', lease) == 1 then return {'repeated', -1} end
  local at = tonumber(redis.call('ZSCORE', due, session) or now)
  return {'repeated', math.max(0, at - now)}
end

if has_thread then
  local linked = redis.call('GET', link)
  if not linked then return {'unlinked', -1} end
  linked = cjson.decode(linked)
  if linked.session ~= session then return {'unlinked', -1} end
  if linked.muted then return {'muted', -1} end
  if not is_sent and score <= tonumber(linked.since or 0) then return {'earlier', -1} end
  if not known and (voucher == 'event' or voucher == 'old event') then
    local until_us = redis.call('ZSCORE', read, thread)
    if until_us and score <= tonumber(until_us) then return {'late', -1} end
    local after_us = voucher == 'old event' and redis.call('ZSCORE', unread, thread)
    if after_us and score > tonumber(after_us) then return {'late', -1} end
  end
  -- A full Redis refuses this write, but refuses none once a script has written anything. So the
  -- first write must be one that needs memory.
  traffic(threads, link, now, thread, link_ttl)
end

local kept = known == 'ahead' and not is_sent and redis.call('HGET', reply, 'reply') or text
local round = 1
if known and is_sent then
  local edited = redis.call('HGET', reply, 'edited')
  round = (redis.call('HGET', reply, 'round') or 0) + 1
  redis.call('DEL', reply)
  redis.call('HSET', reply, 'edited', edited or 0)
end
local is_first = redis.call('ZCARD', mail) == 0
local is_handed = is_first and settle == 0 and token ~= ''
  and redis.call('EXISTS', lease) == 0 and not redis.call('ZSCORE', behind, session)
redis.call('HSET', reply, 'state', 'waiting', 'reply', kept, 'session', session, 'round', round,
           'accepted', now)
redis.call('EXPIRE', reply, keep)
redis.call('ZADD', mail, score, reply_id)
redis.call('EXPIRE', mail, keep)

if is_first then
  redis.call('ZADD', due, now + settle, session)
  redis.call('EXPIRE', due, keep)
  if settle > 0 then
    redis.call('HSET', box, 'settled_by', now + settle_limit)
    redis.call('EXPIRE', box, keep)
  end
  if is_handed then
    redis.call('SET', lease, token, 'PX', lease_ms)
    redis.call('HSET', reply, 'state', 'sending', 'token', token, 'sent', now)
    local own = kept == text and '' or kept
    return {'accepted', -1, {'head', reply_id, own, round, now, '', 0, now, now}}
  end
  return {'accepted', settle}
end
local settled_by = redis.call('HGET', box, 'settled_by')
if settle > 0 and settled_by and redis.call('EXISTS', lease) == 0 then
  redis.call('ZADD', due, 'GT', math.min(now + settle, tonumber(settled_by)), session)
end
return {'accepted', -1}
