-- Sets the link of a thread, or ends it with a `new` of '', if it still is what it `was`; '' is
-- none. The index of threads is changed with it, and the linked threads and the watch of its
-- `session`, if that is known; the watch of one that was started here goes on. Its card
-- (`card_name`, or '') is wanted. The thread `follows_from` 'now' or the 'beginning' what is said;
-- another `seen` ends a poll that began before; with '', that is left as it is. Returns 1, or 0 if
-- the link has to be read again.
local thread = ARGV[1]
local was = ARGV[2]
local new = ARGV[3]
local session = ARGV[4]
local card_name = ARGV[5]
local follows_from = ARGV[6]
local link_ttl = tonumber(ARGV[7])
local card_pause_ms = tonumber(ARGV[8])

local link, watched, now = key.link(thread), key.watched(session), now_ms()
if (redis.call('GET', link) or '') ~= was then return 0 end
if new == '' then
  redis.call('DEL', link)
  redis.call('ZREM', key.threads, thread)
  if session ~= '' then
    forget_thread(watched, thread)
    local goes_on = #linked_threads(session) > 0 or redis.call('HEXISTS', watched, 'started') == 1
    if not goes_on then redis.call('ZREM', key.watch, session) end
  end
elseif was == '' then
  redis.call('SET', link, new)  -- a full Redis refuses this, but not after another write
  forget_thread(watched, thread)
  traffic(thread, now, link_ttl)
  local card = key.subject(card_name)
  redis.call('HSET', card, 'session', session)
else
  redis.call('SET', link, new, 'KEEPTTL')
end
if follows_from ~= '' then
  local at = follows_from == 'now' and now or 0
  local seen = redis.call('HGET', watched, 'seen') or ''
  redis.call('HSET', watched, 'linked:' .. thread, at, 'seen', seen .. ' ')
  want_poll(session, now, now, link_ttl)
end
if card_name ~= '' then want_card(card_name, now, card_pause_ms, link_ttl) end
return 1
