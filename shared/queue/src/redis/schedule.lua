-- Keeps a message until its time. KEYS: jobs, delayed, messages, dead. ARGV: id, pause in ms, head, body.
-- The server's clock decides, so clocks of producers and workers may differ.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], cmsgpack.pack({ARGV[3], ARGV[4]}))
return 1
