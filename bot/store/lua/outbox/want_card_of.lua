-- Asks for the card of a thread's link to be edited, if there is one.
-- Returns the ms after which that may be done, or -1 without a card.
local name = ARGV[1]
local pace_ms = tonumber(ARGV[2])

return want_card(name, now_ms(), pace_ms, keep.owed)
