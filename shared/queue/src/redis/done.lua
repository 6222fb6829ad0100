-- Acknowledges and deletes entries, all at once while no lease can have run out: nobody has taken one over then.
-- After that, those that the worker still holds.
-- KEYS: jobs. ARGV: group, consumer, the server's time in ms before which all leases are good, entries.
-- Returns how many belong to somebody else by now; nothing is done with them.
local time = redis.call('TIME')
local ours, lost = {}, 0
if time[1] * 1000 + math.floor(time[2] / 1000) < tonumber(ARGV[3]) then
  ours = {unpack(ARGV, 4)}
else
  for i = 4, #ARGV do
    if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) > 0 then
      ours[#ours + 1] = ARGV[i]
    else
      lost = lost + 1
    end
  end
end
if #ours > 0 then
  redis.call('XACK', KEYS[1], ARGV[1], unpack(ours))
  redis.call('XDEL', KEYS[1], unpack(ours))
end
return lost
