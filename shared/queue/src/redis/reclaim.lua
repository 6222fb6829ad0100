-- Takes over entries whose worker has been silent for the lease. KEYS: jobs.
-- ARGV: group, consumer, lease in ms, cursor, count.
-- Returns the next cursor and, for each entry, {id, earlier deliveries, head, body}.
local claimed = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
local entries = {}
for _, entry in ipairs(claimed[2]) do
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)
  local message = {head = '', body = ''}
  for i = 1, #entry[2], 2 do message[entry[2][i]] = entry[2][i + 1] end
  entries[#entries + 1] = {entry[1], pending[1][4] - 1, message.head, message.body}
end
return {claimed[1], entries}
