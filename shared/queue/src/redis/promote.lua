-- Moves the messages whose time has come into the stream, at most ARGV[1] of them, one by one:
-- `unpack` of a long list overflows the stack of Lua. KEYS: jobs, delayed, messages, dead.
-- Returns the milliseconds until the next one is due, -1 if there is none.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local message = redis.call('HGET', KEYS[3], id)
  if message then
    message = cmsgpack.unpack(message)
    redis.call('XADD', KEYS[1], '*', 'head', message[1], 'body', message[2])
    redis.call('HDEL', KEYS[3], id)
  end
  redis.call('ZREM', KEYS[2], id)
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #first == 0 then return -1 end
return math.max(0, math.floor(tonumber(first[2]) - now))
