/**
 * What Redis does by itself, in one step that nobody sees half of: the Lua scripts, and what each takes and gives.
 *
 * Data of an app, each name behind its base (`keys.ts`):
 * - `nodes` hash: node → a number that grows with each beat, or `claimed` while its holdings are given up for it
 * - `node:{node}` hash: what a node holds: `c:…` its subscriptions in a channel, `m:…` that it has a member there
 * - `channels` hash: channel → subscriptions of all nodes; `connections` hash: node → its subscribed connections
 * - `members:{channel}` hash: user → its order and what it is; `holders:{channel}` hash: user → how many nodes hold it
 * - `versions` hash: channel → how often its members have changed
 * - `ends` sorted set: ends that no webhook was told yet, by the time at which they are due
 * - `log` stream: what was published lately, for who was cut off; `log:bytes`: of all that was ever written there
 * - `cache:{channel}`: the last event of a cache channel
 */

import { createHash } from "node:crypto";

export interface Script {
  readonly text: string;
  readonly sha: string;
}

function script(text: string): Script {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/** Every script is given: the base, PUBLISH or SPUBLISH, the webhooks' grace (ms; -1: no webhooks). */
const prelude = `
local base, publish, grace = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local function tell(channel, message)
  redis.call(publish, base .. 't:' .. channel, message)
end
`;

/** Facts for webhooks: `+` or `-` and the field of what began or ended. An end waits, and a beginning undoes it. */
const facts = `
local facts = {}

local function began(field, isNews)
  if grace < 0 then return end
  if redis.call('ZREM', base .. 'ends', field) == 1 then return end
  if isNews then facts[#facts + 1] = '+' .. field end
end

local function ended(field)
  if grace < 0 then return end
  if grace == 0 then
    facts[#facts + 1] = '-' .. field
  else
    -- A channel's end is told behind those of its members, which come in the same millisecond.
    local behind = string.sub(field, 1, 2) == 'c:' and 0.5 or 0
    redis.call('ZADD', base .. 'ends', nowMs + grace + behind, field)
  end
end
`;

const holdings = `
local function setCount(node, channel, count, isNews)
  local field = 'c:' .. channel
  local held = base .. 'node:' .. node
  local before = tonumber(redis.call('HGET', held, field) or 0)
  if count == before then return end
  if count == 0 then
    redis.call('HDEL', held, field)
  else
    redis.call('HSET', held, field, count)
  end
  local total = redis.call('HINCRBY', base .. 'channels', channel, count - before)
  if total <= 0 then
    redis.call('HDEL', base .. 'channels', channel)
    redis.call('HDEL', base .. 'versions', channel)
    ended(field)
  elseif total == count - before then
    began(field, isNews)
  end
end

local function memberField(channel, user)
  return 'm:' .. #channel .. ':' .. channel .. user
end

local function hold(node, channel, user, member, isNews)
  local field = memberField(channel, user)
  if redis.call('HSETNX', base .. 'node:' .. node, field, 1) == 0 then return end
  if redis.call('HINCRBY', base .. 'holders:' .. channel, user, 1) > 1 then return end
  local order = redis.call('INCR', base .. 'order')
  redis.call('HSET', base .. 'members:' .. channel, user, order .. ' ' .. member)
  local version = redis.call('HINCRBY', base .. 'versions', channel, 1)
  tell(channel, '{"v":1,"type":"member_added","version":' .. version ..
    ',"member":' .. cjson.encode(member) .. '}')
  began(field, isNews)
end

local function release(node, channel, user)
  local field = memberField(channel, user)
  if redis.call('HDEL', base .. 'node:' .. node, field) == 0 then return end
  if redis.call('HINCRBY', base .. 'holders:' .. channel, user, -1) > 0 then return end
  redis.call('HDEL', base .. 'holders:' .. channel, user)
  redis.call('HDEL', base .. 'members:' .. channel, user)
  if redis.call('HEXISTS', base .. 'channels', channel) == 1 then
    local version = redis.call('HINCRBY', base .. 'versions', channel, 1)
    tell(channel, '{"v":1,"type":"member_removed","version":' .. version ..
      ',"user":' .. cjson.encode(user) .. '}')
  end
  ended(field)
end
`;

/**
 * A node's sign of life. Takes: node, an id for the epoch if there is none.
 * Gives: 1, or 0 if the node is not known (Redis was emptied, or the node was given up); the epoch; Redis' time (ms);
 * the last entry of the log; the ends that are due; every node and its beats.
 */
export const beat = script(`${prelude}
local node = ARGV[4]
redis.call('SETNX', base .. 'epoch', ARGV[5])
local beats = redis.call('HGET', base .. 'nodes', node)
local isKnown = beats and beats ~= 'claimed'
local due = {}
if isKnown then
  redis.call('HINCRBY', base .. 'nodes', node, 1)
  if grace >= 0 then
    due = redis.call('ZRANGEBYSCORE', base .. 'ends', '-inf', nowMs, 'LIMIT', 0, 500)
    if #due > 0 then redis.call('ZREM', base .. 'ends', unpack(due)) end
  end
end
local last = redis.call('XREVRANGE', base .. 'log', '+', '-', 'COUNT', 1)
redis.call('PEXPIRE', base .. 'log', 900000)
redis.call('PEXPIRE', base .. 'log:bytes', 900000)
return { isKnown and 1 or 0, redis.call('GET', base .. 'epoch'), string.format('%d', nowMs),
  last[1] and last[1][1] or '0-0', due, redis.call('HGETALL', base .. 'nodes') }
`);

/**
 * Makes a node known. Takes: node. Gives: what it holds already, field and value in turn.
 * Its beats begin with the time: who saw it before, silent, sees something else now.
 */
export const register = script(`${prelude}
local beats = redis.call('HGET', base .. 'nodes', ARGV[4])
if not beats or beats == 'claimed' then
  redis.call('HSET', base .. 'nodes', ARGV[4], string.format('%d', nowMs))
end
return redis.call('HGETALL', base .. 'node:' .. ARGV[4])
`);

/**
 * What has changed on a node. Takes: node, a JSON list of changes (`holdings.ts`).
 * Gives: 1, or 0 if the node is not known and nothing was done; the facts.
 */
export const report = script(`${prelude}${facts}${holdings}
local node = ARGV[4]
local beats = redis.call('HGET', base .. 'nodes', node)
if not beats or beats == 'claimed' then return { 0, {} } end

local handlers = {}
function handlers.count(change) setCount(node, change.channel, change.count, change.isNews) end
function handlers.hold(change) hold(node, change.channel, change.user, change.member, change.isNews) end
function handlers.release(change) release(node, change.channel, change.user) end
function handlers.connections(change) redis.call('HSET', base .. 'connections', node, change.count) end
-- Ended while Redis was lost, and nobody else has it so far: an end, unless somebody comes with it in time.
function handlers.missed(change)
  if grace < 0 then return end
  local isThere
  if change.user then
    isThere = redis.call('HEXISTS', base .. 'members:' .. change.channel, change.user)
  else
    isThere = redis.call('HEXISTS', base .. 'channels', change.channel)
  end
  if isThere == 0 then redis.call('ZADD', base .. 'ends', 'NX', nowMs + change.withinMs, change.field) end
end

for _, change in ipairs(cjson.decode(ARGV[5])) do handlers[change.kind](change) end
return { 1, facts }
`);

/**
 * Gives up what a node holds, some of it at a time. Takes: node, and its beats when it was last seen alive, or empty
 * for the node itself. Gives: 1 if there is more to do, 0 if not, -1 if somebody else has done it; the facts.
 */
export const claim = script(`${prelude}${facts}${holdings}
local node, seen = ARGV[4], ARGV[5]
local beats = redis.call('HGET', base .. 'nodes', node)
if not beats or (seen ~= '' and beats ~= seen and beats ~= 'claimed') then return { -1, {} } end
redis.call('HSET', base .. 'nodes', node, 'claimed')

local held = base .. 'node:' .. node
local cursor, rows = '0', {}
repeat
  local page = redis.call('HSCAN', held, cursor, 'COUNT', 200)
  cursor, rows = page[1], page[2]
until #rows > 0 or cursor == '0'

for i = 1, #rows, 2 do
  local length, rest = string.match(rows[i], '^m:(%d+):(.*)$')
  if length then release(node, string.sub(rest, 1, length), string.sub(rest, length + 1)) end
end
for i = 1, #rows, 2 do
  if string.sub(rows[i], 1, 2) == 'c:' then setCount(node, string.sub(rows[i], 3), 0, false) end
end
if redis.call('EXISTS', held) == 1 then return { 1, facts } end
redis.call('HDEL', base .. 'nodes', node)
redis.call('HDEL', base .. 'connections', node)
return { 0, facts }
`);

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

local i = 8
while i <= #ARGV do
  local message, count = ARGV[i], tonumber(ARGV[i + 1])
  local first, last = i + 2, i + 1 + count
  local channels = {}
  for n = first, last do channels[#channels + 1] = string.sub(ARGV[n], 2) end
  local written = redis.call('INCRBY', total, #message)
  redis.call('XADD', log, 'MAXLEN', '~', maxEntries, '*',
    'm', message, 'c', table.concat(channels, '\\n'), 's', written)
  if #message > maxBytes / maxEntries then
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
