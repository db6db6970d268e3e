-- Returns the fields of a month of the ledger, each with its value.
local month = ARGV[1]

local ledger = key.ledger(month)
return redis.call('HGETALL', ledger)
