local keys = KEYS

return redis.call('MGET', unpack(keys))
