-- Opens looks at `sessions` of which a gist was taken at `began`, and was not enough. One that is
-- due at another time than the gist's lease ends was moved by others, and is left to a look of its
-- own. Returns each session as `open_look` does.
-- include: open_look
local watch = KEYS[1]
local gists = KEYS[2]
local sessions = cjson.decode(ARGV[1])
local began = tonumber(ARGV[2])
local lease_ms = tonumber(ARGV[3])
local token = ARGV[4]
local keep = tonumber(ARGV[5])
local watched_prefix = ARGV[6]
local followers_prefix = ARGV[7]
local link_prefix = ARGV[8]
local shown_prefix = ARGV[9]

local now = began
local at = {
  until_ms = now + lease_ms, token = token, keep = keep, watched_prefix = watched_prefix,
  followers_prefix = followers_prefix, link_prefix = link_prefix, shown_prefix = shown_prefix,
}
local taken = {}
for _, session in ipairs(sessions) do
  if tonumber(redis.call('ZSCORE', watch, session)) == at.until_ms then
    taken[#taken + 1] = open_look(session, watch, gists, at)
  end
end
return taken
