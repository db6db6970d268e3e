-- Returns the link of a thread; what is known of its session, or of `session`, unless that is '':
-- what was last seen of it, its name and its start; and the strings at `keys`.
local thread = ARGV[1]
local session = ARGV[2]
local keys = cjson.decode(ARGV[3])

local link, known, found = redis.call('GET', key.link(thread)), {}, {}
local is_json, linked = pcall(cjson.decode, link or '')
if session == '' and is_json and type(linked) == 'table' then session = linked.session end
if session and session ~= '' then
  local watched = key.watched(session)
  known = redis.call('HMGET', watched, 'seen', 'name', 'started')
end
for place, name in ipairs(keys) do found[place] = redis.call('GET', KEYS[1] .. name) end
return {link, known, found}
