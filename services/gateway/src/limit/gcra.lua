-- Some requests of KEYS[1] under GCRA (ITU-T I.371): how many may pass, or, if none, minus the microseconds to wait.
-- ARGV[1]: microseconds between two requests at the steady rate; ARGV[2]: how far ahead of it a
-- burst may run, in microseconds; ARGV[3]: how many are wanted. Never more than an eighth of what is left is given to one
-- who asks, but always one if there is one: so little is left unused elsewhere when a budget ends.
-- The clock is that of Redis: one for all replicas.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = due - now - ARGV[2]
if wait > 0 then
  return -wait
end
local left = math.floor(-wait / ARGV[1]) + 1
local given = math.max(1, math.min(tonumber(ARGV[3]), math.floor(left / 8)))
local next_due = due + given * ARGV[1]
-- `%.0f`, because a number turns into text with 14 digits and this one has 16.
redis.call('SET', KEYS[1], string.format('%.0f', next_due), 'PX', math.ceil((next_due - now) / 1000))
return given
