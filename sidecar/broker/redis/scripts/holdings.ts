/** The scripts by which a node says that it lives and what it holds, and by which others take that over. */

import { prelude, script } from "./script.ts";

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
 * A node's sign of life. Takes: node, an id that is published to it as the echo, an id for the epoch if there is none,
 * 1 if all that the node has is registered, else 0.
 * Gives: 1, or 0 if the node is not known (Redis was emptied, or the node was given up); the epoch; Redis' time (ms);
 * the last entry of the log; the ends that are due; every node and its last heartbeat.
 */
export const heartbeat = script(`${prelude}
local node = ARGV[4]
redis.call('SETNX', base .. 'epoch', ARGV[6])
tell('!echo:' .. node, '{"v":1,"type":"echo","id":' .. cjson.encode(ARGV[5]) .. '}')
local last = redis.call('HGET', base .. 'nodes', node)
local isKnown = last and last ~= 'claimed'
local due = {}
if isKnown then
  local count = string.format('%d', tonumber(string.match(last, '^%d+')) + 1)
  redis.call('HSET', base .. 'nodes', node, ARGV[7] == '1' and count .. '+' or count)
  if grace >= 0 then
    due = redis.call('ZRANGEBYSCORE', base .. 'ends', '-inf', nowMs, 'LIMIT', 0, 500)
    if #due > 0 then redis.call('ZREM', base .. 'ends', unpack(due)) end
  end
end
local newest = redis.call('XREVRANGE', base .. 'log', '+', '-', 'COUNT', 1)[1]
redis.call('PEXPIRE', base .. 'log', 900000)
redis.call('PEXPIRE', base .. 'log:bytes', 900000)
return { isKnown and 1 or 0, redis.call('GET', base .. 'epoch'), string.format('%d', nowMs),
  newest and newest[1] or '0-0', due, redis.call('HGETALL', base .. 'nodes') }
`);

/**
 * Makes a node known, to the other nodes too. Takes: node, the number of its session.
 * Gives: what it holds already, field and value in turn. What an earlier session has sent, and Redis has not done yet,
 * it never will. The heartbeats count from the time: who saw the node before, silent, sees something else now.
 */
export const register = script(`${prelude}
local last = redis.call('HGET', base .. 'nodes', ARGV[4])
if not last or last == 'claimed' then
  redis.call('HSET', base .. 'nodes', ARGV[4], string.format('%d', nowMs))
end
redis.call('HSET', base .. 'sessions', ARGV[4], ARGV[5])
tell('!control', '{"v":1,"type":"node_registered","node":' .. cjson.encode(ARGV[4]) .. '}')
return redis.call('HGETALL', base .. 'node:' .. ARGV[4])
`);

/**
 * What has changed on a node. Takes: node, the number of its session, a JSON list of changes (`changes.ts`).
 * Gives: 1, or 0 if the node or its session is not known and nothing was done; the facts.
 */
export const report = script(`${prelude}${facts}${holdings}
local node = ARGV[4]
local last = redis.call('HGET', base .. 'nodes', node)
if not last or last == 'claimed' then return { 0, {} } end
if redis.call('HGET', base .. 'sessions', node) ~= ARGV[5] then return { 0, {} } end

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

for _, change in ipairs(cjson.decode(ARGV[6])) do handlers[change.kind](change) end
return { 1, facts }
`);

/**
 * Gives up what a node holds, some of it at a time. Takes: node, and its heartbeat when it was last seen alive, or
 * empty for the node itself. Gives: 1 if there is more to do, 0 if not, -1 if somebody else has done it; the facts.
 */
export const claim = script(`${prelude}${facts}${holdings}
local node, seen = ARGV[4], ARGV[5]
local last = redis.call('HGET', base .. 'nodes', node)
if not last or (seen ~= '' and last ~= seen and last ~= 'claimed') then return { -1, {} } end
redis.call('HSET', base .. 'nodes', node, 'claimed')

local held = base .. 'node:' .. node
local function some(pattern)
  local cursor, rows = '0', {}
  repeat
    local page = redis.call('HSCAN', held, cursor, 'MATCH', pattern, 'COUNT', 200)
    cursor, rows = page[1], page[2]
  until #rows > 0 or cursor == '0'
  return rows
end

-- Members first: a channel ends behind them.
local rows = some('m:*')
if #rows == 0 then rows = some('c:*') end
for i = 1, #rows, 2 do
  local length, rest = string.match(rows[i], '^m:(%d+):(.*)$')
  if length then release(node, string.sub(rest, 1, length), string.sub(rest, length + 1)) end
end
for i = 1, #rows, 2 do
  if string.sub(rows[i], 1, 2) == 'c:' then setCount(node, string.sub(rows[i], 3), 0, false) end
end
if redis.call('EXISTS', held) == 1 then return { 1, facts } end
redis.call('HDEL', base .. 'nodes', node)
redis.call('HDEL', base .. 'sessions', node)
redis.call('HDEL', base .. 'connections', node)
return { 0, facts }
`);
