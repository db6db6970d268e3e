-- Keeps the first words of a thread with its link. Returns 0 if there is no link that this version can
-- read, or if it has them.
local link = KEYS[1]
local topic = ARGV[1]

local raw = redis.call('GET', link)
local is_json, linked = pcall(cjson.decode, raw or '')
if not is_json or type(linked) ~= 'table' or linked.v ~= 1 then return 0 end
if (linked.topic or '') == topic then return 0 end
linked.topic = topic
redis.call('SET', link, cjson.encode(linked), 'KEEPTTL')
return 1
