-- Ends polls, taken together at `began`, that found nothing new; see `put_off`.
local polls = cjson.decode(ARGV[1])
local began = tonumber(ARGV[2])

put_off(polls, began, now_ms())
return #polls
