-- Asks for the card `name` of a link to be posted or edited, if there is one. A card is edited at
-- most every `card_pause_ms`; if its entry rests (`end_card`), that is due then. Returns the ms
-- after which that may be done, or -1 without a card.
local function want_card(name, now, card_pause_ms, ttl)
  local card, owed = key.subject(name), name .. '|1|card'
  if redis.call('EXISTS', card) == 0 then return -1 end
  redis.call('HINCRBY', card, 'requests', 1)
  local edited = tonumber(redis.call('HGET', card, 'edited') or 0)
  local after = math.max(0, edited + card_pause_ms - now)
  local due = redis.call('ZSCORE', key.outbox, owed)
  if not due or due == redis.call('HGET', card, 'rests_until') then
    redis.call('ZADD', key.outbox, now + after, owed)
  end
  prolong(card, ttl)
  prolong(key.outbox, ttl)
  return after
end
