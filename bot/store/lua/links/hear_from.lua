-- Lets a link's replies be for Devin only from `since` on (a `ts` in microseconds as text, since
-- cjson would round the number), if that is later than before.
local link = KEYS[1]
local since = ARGV[1]

local raw = redis.call('GET', link)
local is_json, linked = pcall(cjson.decode, raw or '')
if not is_json or type(linked) ~= 'table' then return 0 end
if tonumber(since) <= tonumber(linked.since or 0) then return 0 end
linked.since = since
return redis.call('SET', link, cjson.encode(linked), 'KEEPTTL')
