-- Asks for a thread's card to be edited, if the thread has one.
-- Returns the ms after which that may be done, or -1 without a card.
-- include: now_ms
-- include: want_card
local card = KEYS[1]
local outbox = KEYS[2]
local owed = ARGV[1]
local pace_ms = tonumber(ARGV[2])
local keep = tonumber(ARGV[3])

return want_card(card, outbox, owed, now_ms(), pace_ms, keep)
