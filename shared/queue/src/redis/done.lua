-- Acknowledges and deletes the entries that a worker still holds. KEYS: jobs. ARGV: group, consumer, entries.
-- Returns for each entry, in order, 1, or 0 if it belongs to somebody else by now; nothing is done with that.
local settled = {}
for i = 3, #ARGV do
  local entry = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1, ARGV[2]) == 0 then
    settled[#settled + 1] = 0
  else
    redis.call('XACK', KEYS[1], ARGV[1], entry)
    redis.call('XDEL', KEYS[1], entry)
    settled[#settled + 1] = 1
  end
end
return settled
