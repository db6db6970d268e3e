-- The set in which a session waits for threads to be read, of the workspace of the reply `id`, or
-- of an earlier version; nil where it waits for none.
local function behind_of(turn, id)
  local behind = turn.behind_prefix .. string.match(id, '^[^:]*')
  if redis.call('EXISTS', behind, turn.former_behind) == 0 then return nil end
  for _, set in ipairs({behind, turn.former_behind}) do
    if redis.call('ZSCORE', set, turn.session) then return set end
  end
end
