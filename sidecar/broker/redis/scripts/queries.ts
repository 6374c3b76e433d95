/** The scripts that answer who is where. */

import { prelude, script } from "./script.ts";

/** The members of a channel. Takes: channel. Gives: the version; of each member its order, a space and what it is. */
export const snapshot = script(`${prelude}
return { tonumber(redis.call('HGET', base .. 'versions', ARGV[4]) or 0),
  redis.call('HVALS', base .. 'members:' .. ARGV[4]) }
`);

/**
 * Occupied channels. Takes: `names` and the names, or `prefix` and the prefix.
 * Gives, in turn: name, subscriptions, users.
 */
export const find = script(`${prelude}
local found = {}
local function add(name, total)
  local users = 0
  if string.sub(name, 1, 9) == 'presence-' then users = redis.call('HLEN', base .. 'members:' .. name) end
  found[#found + 1] = name
  found[#found + 1] = tonumber(total)
  found[#found + 1] = users
end
if ARGV[4] == 'names' then
  for i = 5, #ARGV do
    local total = redis.call('HGET', base .. 'channels', ARGV[i])
    if total then add(ARGV[i], total) end
  end
else
  local rows = redis.call('HGETALL', base .. 'channels')
  for i = 1, #rows, 2 do
    if string.sub(rows[i], 1, #ARGV[5]) == ARGV[5] then add(rows[i], rows[i + 1]) end
  end
end
return found
`);

/** How many connections of all nodes are subscribed to anything. */
export const countConnections = script(`${prelude}
local total = 0
for _, count in ipairs(redis.call('HVALS', base .. 'connections')) do total = total + count end
return total
`);

/** Has every node tell the subscribers of some channels how many they are. Takes: channels. Gives: the counts. */
export const tellCounts = script(`${prelude}
local counts = {}
for i = 4, #ARGV do
  counts[#counts + 1] = tonumber(redis.call('HGET', base .. 'channels', ARGV[i]) or 0)
  tell(ARGV[i], '{"v":1,"type":"subscription_count","count":' .. counts[#counts] .. '}')
end
return counts
`);
