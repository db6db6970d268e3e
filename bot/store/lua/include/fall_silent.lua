-- Notes the period, ending at `at`, in which a thread's replies were for Devin.
local function fall_silent(heard, raw, at, keep)
  local is_json, link = pcall(cjson.decode, raw)
  if not is_json or type(link) ~= 'table' or link.muted then return end
  redis.call('SET', heard, (link.since or '0') .. ' ' .. at, 'EX', keep)
end
