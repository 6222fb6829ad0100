-- Some requests of each of KEYS under GCRA (ITU-T I.371): how many may pass of each, or, if one of them gives none, only minus
-- the microseconds to wait; then nothing is taken of the others either.
-- ARGV, three for each key: microseconds between two requests at the steady rate; how far ahead of it a burst may run, in
-- microseconds; how many are wanted. Never more than an eighth of what is left is given to one
-- who asks, but always one if there is one: so little is left unused elsewhere when a budget ends.
-- The clock is that of Redis: one for all replicas.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local due, given, wait = {}, {}, 0
for i, key in ipairs(KEYS) do
  local interval, ahead, wanted = ARGV[3 * i - 2], ARGV[3 * i - 1], tonumber(ARGV[3 * i])
  due[i] = math.max(tonumber(redis.call('GET', key) or now), now)
  local over = due[i] - now - ahead
  wait = math.max(wait, over)
  local left = math.floor(-over / interval) + 1
  given[i] = math.max(1, math.min(wanted, math.floor(left / 8)))
end
if wait > 0 then
  return { -wait }
end
for i, key in ipairs(KEYS) do
  local next_due = due[i] + given[i] * ARGV[3 * i - 2]
  -- `%.0f`, because a number turns into text with 14 digits and this one has 16.
  redis.call('SET', key, string.format('%.0f', next_due), 'PX', math.ceil((next_due - now) / 1000))
end
return given
