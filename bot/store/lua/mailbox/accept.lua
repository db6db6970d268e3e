-- Puts a reply into its session's mailbox, once, if its thread is still linked to that session. A
-- reply in the state `ahead` is one whose edit came first and left the newer text (`revise`).
-- `evidence` is the evidence for the reply: 'event', 'old event', 'thread' if it was just read
-- there, 'person' if a person sends it, or 'stop' if that stops Devin, also where the thread is
-- muted. One that was just read, and was written after the request for the link, is accepted again
-- if an earlier link's session took it and the start of this one was not asked for again since.
-- The reply is not sent for `wait` ms, since an earlier one may still come; `thread` is '' if it is
-- in none. The second run of a `call` changes nothing, and has the same result.
-- Returns the result, and the ms after which to wake the session, or -1 for no wake-up.
local session = ARGV[1]
local text = ARGV[2]
local reply_id = ARGV[3]
local score = tonumber(ARGV[4])
local wait = tonumber(ARGV[5])
local link_ttl = tonumber(ARGV[6])
local thread = ARGV[7]
local evidence = ARGV[8]
local call = ARGV[9]

local reply, mail = key.subject(reply_id), key.mail(session)
local NEVER_TAKEN = {ended = true, refused = true, given_up = true}
local now = now_ms()
local is_stop = evidence == 'stop'
local by_person = is_stop or evidence == 'person'

local known, pressed, had_by, outcome, edited, last_round, told_in = unpack(redis.call(
  'HMGET', reply, 'state', 'pressed', 'session', 'outcome', 'edited', 'round', 'delay_told_in'
))
local is_again = pressed == call
local linked = thread ~= '' and redis.call('GET', key.link(thread))
linked = linked and cjson.decode(linked)
local is_elsewhere = evidence == 'thread' and had_by and linked and linked.session ~= had_by
                     and known ~= 'withdrawn'
if is_elsewhere then
  local started = cjson.decode(redis.call('HGET', key.watched(session), 'started') or '{}')
  is_elsewhere = score >= (started.asked or 0)
end
local is_free = known == 'ahead' or (by_person and known == 'withdrawn') or is_elsewhere
if by_person and known == 'done' then
  local is_json, ended = pcall(cjson.decode, outcome or '')
  is_free = (is_json and NEVER_TAKEN[ended.kind]) or had_by ~= session
end
if known and (is_again or not is_free) then
  local what = is_again and 'accepted' or 'repeated'
  if known ~= 'waiting' or redis.call('EXISTS', key.lease(session)) == 1 then return {what, -1} end
  local at = tonumber(redis.call('ZSCORE', key.due, session) or now)
  return {what, math.max(0, at - now)}
end

if thread ~= '' then
  if not linked or linked.session ~= session then return {'unlinked', -1} end
  if linked.muted and not is_stop then return {'muted', -1} end
  if not by_person and score <= tonumber(linked.since or 0) then return {'earlier', -1} end
  if not known and evidence == 'old event' then return {'outdated', -1} end
  if is_elsewhere and known == 'sending' then return {'sending', -1} end
  -- A full Redis refuses this write, but refuses none once a script has written anything. So the
  -- first write must be one that needs memory.
  traffic(thread, now, link_ttl)
end

local kept = known == 'ahead' and not by_person and redis.call('HGET', reply, 'reply') or text
local round = 1
if is_elsewhere then redis.call('ZREM', key.mail(had_by), reply_id) end
if known and (by_person or is_elsewhere) then
  local in_round = reply_id .. '|' .. (last_round or 0)
  local delay = in_round .. '|delay'
  local _, _, holds = try_of(delay)
  redis.call('DEL', reply)
  redis.call('HSET', reply, 'edited', edited or 0)
  round = (last_round or 0) + 1
  -- That a thread was told, or just is, that the reply waits, is taken back with an outcome.
  local is_told = known == 'done' and not redis.call('ZSCORE', key.outbox, in_round .. '|outcome')
  if holds or (told_in and not is_told) then
    told_in = told_in or cjson.decode(text).thread.thread_ts
    redis.call('HSET', reply, 'delay_told_in', told_in)
    redis.call('ZADD', key.outbox, 'NX', now, delay)
    prolong(key.outbox, keep.done)
  end
end
redis.call('HSET', reply, 'state', 'waiting', 'reply', kept, 'session', session, 'round', round,
           'accepted', now, 'not_before', now + wait, 'pressed', call)
redis.call('EXPIRE', reply, keep.waiting)
redis.call('ZADD', mail, score, reply_id)
redis.call('EXPIRE', mail, keep.waiting)

if redis.call('ZCARD', mail) > 1 then return {'accepted', -1} end
redis.call('ZADD', key.due, now + wait, session)
redis.call('EXPIRE', key.due, keep.waiting)
return {'accepted', wait}
