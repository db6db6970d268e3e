-- Asks for the card of a thread's link to be edited, if there is one.
-- Returns the ms after which that may be done, or -1 without a card.
-- include: now_ms
-- include: want_card
local outbox = KEYS[1]
local subject_prefix = ARGV[1]
local name = ARGV[2]
local pace_ms = tonumber(ARGV[3])
local keep = tonumber(ARGV[4])

return want_card(subject_prefix, name, outbox, now_ms(), pace_ms, keep)
