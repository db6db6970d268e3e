-- Keeps the first words of a thread with its link, as they were `at` that time (microseconds as
-- text, since cjson would round the number). Returns 0 if there is no link, or if it has later
-- ones.
local link = KEYS[1]
local topic = ARGV[1]
local at = ARGV[2]

local raw = redis.call('GET', link)
local is_json, linked = pcall(cjson.decode, raw or '')
if not is_json or type(linked) ~= 'table' then return 0 end
if tonumber(linked.topic_at or 0) > tonumber(at) then return 0 end
linked.topic, linked.topic_at = topic, at
redis.call('SET', link, cjson.encode(linked), 'KEEPTTL')
return 1
