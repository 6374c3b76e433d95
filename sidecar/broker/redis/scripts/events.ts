/** The scripts that publish, and that read what was published. */

import { prelude, script } from "./script.ts";

/**
 * Publishes all of its messages or, past its deadline, none. Takes: the deadline in Redis' time (ms), how many entries
 * and bytes the log may have, how long the last event of a cache channel is kept (ms), then for each message: itself,
 * how many channels, and these, each behind a `c` if it is a cache channel, else behind a `-`.
 * Gives: 1 if they were published. The log comes first: where memory is short it fails, and with it all.
 */
export const publish = script(`${prelude}
if nowMs > tonumber(ARGV[4]) then return 0 end
local maxEntries, maxBytes, cacheMs = ARGV[5], tonumber(ARGV[6]), ARGV[7]
local log, total = base .. 'log', base .. 'log:bytes'
local step = maxBytes / 64

local i = 8
while i <= #ARGV do
  local message, count = ARGV[i], tonumber(ARGV[i + 1])
  local first, last = i + 2, i + 1 + count
  local channels = {}
  for n = first, last do channels[#channels + 1] = string.sub(ARGV[n], 2) end
  local names = table.concat(channels, '\\n')
  local size = #message + #names
  local written = redis.call('INCRBY', total, size)
  redis.call('XADD', log, 'MAXLEN', '~', maxEntries, '*', 'm', message, 'c', names, 's', written)
  -- Looked at once a step, since the oldest entry may be a large one.
  if math.floor(written / step) > math.floor((written - size) / step) then
    local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    while written - tonumber(oldest[2][6]) > maxBytes do
      redis.call('XDEL', log, oldest[1])
      oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    end
  end
  for n = first, last do
    if string.sub(ARGV[n], 1, 1) == 'c' then
      redis.call('SET', base .. 'cache:' .. string.sub(ARGV[n], 2), message, 'PX', cacheMs)
    end
  end
  for _, channel in ipairs(channels) do tell(channel, message) end
  i = last + 1
end
return 1
`);

/** The last event of a cache channel. Takes: channel. Gives: the message and for how long it is kept (ms), or nothing. */
export const lastEvent = script(`${prelude}
local key = base .. 'cache:' .. ARGV[4]
local message = redis.call('GET', key)
if not message then return {} end
return { message, redis.call('PTTL', key) }
`);

/** Entries of the log. Takes: from, to, how many. Gives what XRANGE does. */
export const readLog = script(`${prelude}
return redis.call('XRANGE', base .. 'log', ARGV[4], ARGV[5], 'COUNT', ARGV[6])
`);
