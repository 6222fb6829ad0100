-- Ends what a worker holds, if it still holds it: acknowledges and deletes the entry and, in the same
-- step, writes what comes of it. KEYS: jobs, delayed, messages, dead.
-- ARGV: group, consumer, entry, verb, then for
--   again: id, pause in ms, head, body
--   dead:  reason, error, head, body
-- Returns 0 if the entry belongs to somebody else by now; nothing is done then.
local entry = ARGV[3]
if #redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1, ARGV[2]) == 0 then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], entry)
redis.call('XDEL', KEYS[1], entry)
if ARGV[4] == 'again' then
  if tonumber(ARGV[6]) > 0 then
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('ZADD', KEYS[2], now + ARGV[6], ARGV[5])
    redis.call('HSET', KEYS[3], ARGV[5], cmsgpack.pack({ARGV[7], ARGV[8]}))
  else
    redis.call('XADD', KEYS[1], '*', 'head', ARGV[7], 'body', ARGV[8])
  end
elseif ARGV[4] == 'dead' then
  redis.call('XADD', KEYS[4], '*', 'reason', ARGV[5], 'error', ARGV[6], 'head', ARGV[7], 'body', ARGV[8])
end
return 1
