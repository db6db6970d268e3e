-- The set in which a session waits for threads to be read, of the workspace of the reply `id`; nil
-- where it waits for none.
local function behind_of(session, id)
  local behind = key.behind(string.match(id, '^[^:]*'))
  return redis.call('ZSCORE', behind, session) and behind
end
