-- Acknowledges and deletes the entries that a worker still holds, by three commands, however many there are.
-- KEYS: jobs. ARGV: group, consumer, the first and the last of the entries, the entries.
-- Returns those that belong to somebody else by now; nothing is done with them.
local held = {}
-- A worker holds no more than it runs at a time: the bound is never met.
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[4], 100000, ARGV[2])) do
  held[pending[1]] = true
end
local ours, lost = {}, {}
for i = 5, #ARGV do
  local some = held[ARGV[i]] and ours or lost
  some[#some + 1] = ARGV[i]
end
if #ours > 0 then
  redis.call('XACK', KEYS[1], ARGV[1], unpack(ours))
  redis.call('XDEL', KEYS[1], unpack(ours))
end
return lost
