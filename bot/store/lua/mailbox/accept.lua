-- Puts a reply into its session's mailbox, once, if its thread is still linked to that session.
-- `evidence` is an 'event' or 'old event'; 'thread' if the reply was just read there; 'person' if a
-- person sends it, or 'stop' if that stops Devin, also where the thread is muted.
--   state      event     thread       person, stop
--   none       accepted  accepted     accepted      but an old event: outdated
--   ahead      accepted  accepted     accepted
--   waiting    repeated  if it moves  repeated
--   sending    repeated  if it moves  repeated      but not yet: sending
--   done       repeated  if it moves  if untaken
--   withdrawn  repeated  repeated     accepted
-- `ahead` has an edit that came first (`revise`), and only a person replaces that text. It `moves`
-- from an earlier link's session if it was written after the requests for this link and, the last
-- one, for the start of this session. It `is_untaken` if this session never took it.
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

local reply, mail, watched = key.subject(reply_id), key.mail(session), key.watched(session)
local NEVER_TAKEN = {ended = true, refused = true, given_up = true}
local now = now_ms()
local is_stop = evidence == 'stop'
local by_person = is_stop or evidence == 'person'

local state, pressed, had_by, outcome, edited, last_round, told_in = unpack(redis.call('HMGET',
  reply, 'state', 'pressed', 'session', 'outcome', 'edited', 'round', 'delay_told_in'))
local linked = thread ~= '' and redis.call('GET', key.link(thread))
linked = linked and cjson.decode(linked)
local moves = evidence == 'thread' and had_by and linked and linked.session ~= had_by
if moves then
  local started = cjson.decode(redis.call('HGET', watched, 'started') or '{}')
  moves = score >= (started.asked or 0)
end
local is_json, ended = pcall(cjson.decode, outcome or '{}')
local is_untaken = had_by ~= session or (is_json and NEVER_TAKEN[ended.kind])
local enters = {
  ahead = true, waiting = moves, sending = moves, withdrawn = by_person,
  done = moves or (by_person and is_untaken),
}
local is_again = pressed == call
if state and (is_again or not enters[state]) then
  local what = is_again and 'accepted' or 'repeated'
  if state ~= 'waiting' or redis.call('EXISTS', key.lease(session)) == 1 then return {what, -1} end
  local at = tonumber(redis.call('ZSCORE', key.due, session) or now)
  return {what, math.max(0, at - now)}
end

if thread ~= '' then
  if not linked or linked.session ~= session then return {'unlinked', -1} end
  if linked.muted and not is_stop then return {'muted', -1} end
  if not by_person and score <= tonumber(linked.since or 0) then return {'earlier', -1} end
  if not state and evidence == 'old event' then return {'outdated', -1} end
  if moves and state == 'sending' then return {'sending', -1} end
  -- A full Redis refuses this write, but refuses none once a script has written anything. So the
  -- first write must be one that needs memory.
  traffic(thread, now, link_ttl)
end

local kept = state == 'ahead' and not by_person and redis.call('HGET', reply, 'reply') or text
local round = 1
if moves then redis.call('ZREM', key.mail(had_by), reply_id) end
if state and (by_person or moves) then
  local in_round = reply_id .. '|' .. (last_round or 0)
  local delay = in_round .. '|delay'
  local _, _, holds = try_of(delay)
  redis.call('DEL', reply)
  redis.call('HSET', reply, 'edited', edited or 0)
  round = (last_round or 0) + 1
  -- That a thread was told, or just is, that the reply waits, is taken back with an outcome.
  local is_told = state == 'done' and not redis.call('ZSCORE', key.outbox, in_round .. '|outcome')
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
