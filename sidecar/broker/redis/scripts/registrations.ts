/** The scripts that register what a node has, and remove it again. */

import { luaMessage } from "../envelope.ts";
import { channelMark, claimed, memberMark } from "../keys.ts";
import { readList } from "./reply.ts";
import { script } from "./script.ts";
import { readTransitions, transitionsLua, type Transition } from "./transitions.ts";

/** One change of what a node has; `isNews`: no webhook was sent for it, as far as this node knows. */
export type RegistrationChange =
  | { readonly kind: "connections"; readonly count: number }
  | {
      readonly kind: "channel";
      readonly channel: string;
      readonly count: number;
      readonly isNews: boolean;
    }
  | {
      readonly kind: "member_added";
      readonly channel: string;
      readonly user: string;
      readonly member: string;
      readonly isNews: boolean;
    }
  | { readonly kind: "member_removed"; readonly channel: string; readonly user: string }
  /** Ended while Redis was lost: an end, unless another node has it, or comes with it in time. */
  | {
      readonly kind: "missed";
      readonly channel: string;
      readonly user?: string;
      readonly field: string;
      readonly withinMs: number;
    };

const registrations = `
local function setCount(node, channel, count, isNews)
  local field = '${channelMark}' .. channel
  local registered = base .. 'node:' .. node
  local before = tonumber(redis.call('HGET', registered, field) or 0)
  if count == before then return end
  if count == 0 then
    redis.call('HDEL', registered, field)
  else
    redis.call('HSET', registered, field, count)
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
  return '${memberMark}' .. #channel .. ':' .. channel .. user
end

local function addMember(node, channel, user, member, isNews)
  local field = memberField(channel, user)
  if redis.call('HSETNX', base .. 'node:' .. node, field, 1) == 0 then return end
  if redis.call('HINCRBY', base .. 'holders:' .. channel, user, 1) > 1 then return end
  local order = redis.call('INCR', base .. 'order')
  redis.call('HSET', base .. 'members:' .. channel, user, order .. ' ' .. member)
  local version = redis.call('HINCRBY', base .. 'versions', channel, 1)
  announce(channel, ${luaMessage("member_added", { version: "version", member: "member" })})
  began(field, isNews)
end

local function removeMember(node, channel, user)
  local field = memberField(channel, user)
  if redis.call('HDEL', base .. 'node:' .. node, field) == 0 then return end
  if redis.call('HINCRBY', base .. 'holders:' .. channel, user, -1) > 0 then return end
  redis.call('HDEL', base .. 'holders:' .. channel, user)
  redis.call('HDEL', base .. 'members:' .. channel, user)
  if redis.call('HEXISTS', base .. 'channels', channel) == 1 then
    local version = redis.call('HINCRBY', base .. 'versions', channel, 1)
    announce(channel, ${luaMessage("member_removed", { version: "version", user: "user" })})
  end
  ended(field)
end
`;

/** Null: the node or its term is not known, and nothing was done. */
export const register = script({
  parameters: ["node", "term", "changes"],
  args: (node: string, term: number, changes: readonly RegistrationChange[]) => [
    node,
    term,
    JSON.stringify(changes),
  ],
  reply(raw): readonly Transition[] | null {
    const [isKnown, transitions] = readList(raw);
    return isKnown === 1 ? readTransitions(transitions) : null;
  },
  lua: `${transitionsLua}${registrations}
local last = redis.call('HGET', base .. 'nodes', node)
if not last or last == '${claimed}' then return { 0, {} } end
if redis.call('HGET', base .. 'sessions', node) ~= term then return { 0, {} } end

local handlers = {}
function handlers.channel(change) setCount(node, change.channel, change.count, change.isNews) end
function handlers.member_added(change)
  addMember(node, change.channel, change.user, change.member, change.isNews)
end
function handlers.member_removed(change) removeMember(node, change.channel, change.user) end
function handlers.connections(change) redis.call('HSET', base .. 'connections', node, change.count) end
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

for _, change in ipairs(cjson.decode(changes)) do handlers[change.kind](change) end
return { 1, transitions }
`,
});

export interface GivenUp {
  /** `not_due`: another node has done it, or the node is alive. */
  readonly outcome: "done" | "more_to_do" | "not_due";
  /** This call began it: of several nodes that find a node dead at once, one does. */
  readonly isFirst: boolean;
  readonly transitions: readonly Transition[];
}

const outcomes = { done: 0, more_to_do: 1, not_due: -1 } as const;

/** Gives up what a node has registered, some of it at a time; `seen`: null for the node itself. */
export const giveUp = script({
  parameters: ["node", "seen"],
  args: (node: string, seen: string | null) => [node, seen ?? ""],
  reply(raw): GivenUp {
    const [outcome, isFirst, transitions] = readList(raw);
    const names = ["done", "more_to_do"] as const;
    const name = names.find((name) => outcomes[name] === outcome) ?? "not_due";
    return { outcome: name, isFirst: isFirst === 1, transitions: readTransitions(transitions) };
  },
  lua: `${transitionsLua}${registrations}
local last = redis.call('HGET', base .. 'nodes', node)
if not last or (seen ~= '' and last ~= seen and last ~= '${claimed}') then
  return { ${outcomes.not_due}, 0, {} }
end
local isFirst = last ~= '${claimed}' and 1 or 0
redis.call('HSET', base .. 'nodes', node, '${claimed}')

local registered = base .. 'node:' .. node
local function some(pattern)
  local cursor, rows = '0', {}
  repeat
    local page = redis.call('HSCAN', registered, cursor, 'MATCH', pattern, 'COUNT', 200)
    cursor, rows = page[1], page[2]
  until #rows > 0 or cursor == '0'
  return rows
end

-- Members first: a channel ends behind them.
local rows = some('${memberMark}*')
if #rows == 0 then rows = some('${channelMark}*') end
for i = 1, #rows, 2 do
  local length, both = string.match(rows[i], '^${memberMark}(%d+):(.*)$')
  if length then
    removeMember(node, string.sub(both, 1, length), string.sub(both, length + 1))
  else
    setCount(node, string.sub(rows[i], ${channelMark.length + 1}), 0, false)
  end
  -- What is no field of a node would be found for ever.
  redis.call('HDEL', registered, rows[i])
end
if #rows == 0 then redis.call('DEL', registered) end
if redis.call('EXISTS', registered) == 1 then return { ${outcomes.more_to_do}, isFirst, transitions } end
redis.call('HDEL', base .. 'nodes', node)
redis.call('HDEL', base .. 'sessions', node)
redis.call('HDEL', base .. 'connections', node)
redis.call('HDEL', base .. 'admin_urls', node)
return { ${outcomes.done}, isFirst, transitions }
`,
});
