-- Renews the leases of the entries that a worker still holds; a plain XCLAIM would steal one back
-- that another worker has taken over. KEYS: jobs. ARGV: group, consumer, entries.
-- Returns the server's time in ms, and the entries that are not this worker's any more.
local time = redis.call('TIME')
local lost = {}
for i = 3, #ARGV do
  local entry = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], entry, entry, 1, ARGV[2]) == 0 then
    lost[#lost + 1] = entry
  else
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry, 'JUSTID')
  end
end
return {time[1] * 1000 + math.floor(time[2] / 1000), lost}
