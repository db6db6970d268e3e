-- Asks for the card `name` of a link to be posted or edited, if there is one. A card is edited at
-- most every `pace_ms`. Returns the ms after which that may be done, or -1 without a card.
local function want_card(subject_prefix, name, outbox, now, pace_ms, keep)
  local card, owed = subject_prefix .. name, name .. '|1|card'
  if redis.call('EXISTS', card) == 0 then return -1 end
  redis.call('HINCRBY', card, 'wanted', 1)
  local edited = tonumber(redis.call('HGET', card, 'edited') or 0)
  local after = math.max(0, edited + pace_ms - now)
  if not redis.call('ZSCORE', outbox, owed) then redis.call('ZADD', outbox, now + after, owed) end
  for _, one in ipairs({card, outbox}) do
    if redis.call('TTL', one) < keep then redis.call('EXPIRE', one, keep) end
  end
  return after
end
