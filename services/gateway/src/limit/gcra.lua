-- One request of KEYS[1] under GCRA (ITU-T I.371): 0 if it may pass, else microseconds to wait.
-- ARGV[1]: microseconds between two requests at the steady rate; ARGV[2]: how far ahead of it a
-- burst may run, in microseconds. The clock is that of Redis: one for all replicas.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = due - now - ARGV[2]
if wait > 0 then
  return wait
end
local next_due = due + ARGV[1]
-- `%.0f`, because a number turns into text with 14 digits and this one has 16.
redis.call('SET', KEYS[1], string.format('%.0f', next_due), 'PX', math.ceil((next_due - now) / 1000))
return 0
