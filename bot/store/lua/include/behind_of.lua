-- The set in which a session waits for threads to be read, of the workspace of the reply `id`; nil
-- where it waits for none.
local function behind_of(turn, id)
  local behind = turn.behind_prefix .. string.match(id, '^[^:]*')
  return redis.call('ZSCORE', behind, turn.session) and behind
end
