-- Asks for the card of a thread's link to be edited, if there is one. With `doubts`, it isn't
-- certain what status Slack shows, so the slot keeps only its title, if it has one.
-- Returns the ms after which that may be done, or -1 without a card.
local name = ARGV[1]
local card_pause_ms = tonumber(ARGV[2])
local doubts = ARGV[3] == '1'

local card = key.subject(name)
if doubts and redis.call('EXISTS', card) == 1 then
  local title = string.gsub(redis.call('HGET', card, 'slot') or '', '^%S*', '')
  redis.call('HSET', card, 'slot', title == '' and ' ' or title)
end
return want_card(name, now_ms(), card_pause_ms, keep.owed)
