/**
 * The scripts that keep recovery sessions: those that closed connections left, and those that open ones would leave.
 */

import { luaMessage } from "../envelope.ts";
import { claimed, controlChannel } from "../keys.ts";
import { readList, readTexts } from "./reply.ts";
import { script } from "./script.ts";

/** Connections that share a token, of which so many are remembered. */
const maxConnections = 16;
/** Of what the open ones would leave: the field that says what they have certainly received. No token is it. */
const positionField = "";
/**
 * In the place of a session that a page has gone on with at another node, while its connection here was open for all that
 * anybody knew: what that one leaves in the end is not left beside it, as if two pages had the token.
 */
const takenElsewhere = "";
/** How much longer that is there than clients may be away: a node that dies is noticed late. */
const graceMs = 60_000;

/**
 * Keeps the session of one connection of this node, beside those of others with the same token.
 *
 * @param isAgain it was sent before, and may have been kept: it is now only if it can't have been
 */
export const putSession = script({
  parameters: ["node", "token", "session", "windowMs", "isAgain"],
  args: (node: string, token: string, session: string, windowMs: number, isAgain: boolean) => [
    node,
    token,
    session,
    windowMs,
    isAgain ? 1 : 0,
  ],
  /** Whether it is certain that it was. */
  reply: (raw) => raw === 1,
  lua: `
local open = base .. 'open:' .. node
local stored = redis.call('HGET', open, token)
redis.call('HDEL', open, token)
if stored == '${takenElsewhere}' then return 1 end
if isAgain == '1' and not stored then return 0 end
local key = base .. 'away:' .. token
redis.call('RPUSH', key, string.format('%.0f ', nowMs + windowMs) .. session)
redis.call('LTRIM', key, -${maxConnections}, -1)
redis.call('PEXPIRE', key, windowMs)
return 1
`,
});

/** Stores what open connections of a node would leave. */
export const storeOpen = script({
  parameters: ["node", "windowMs", "position"],
  args: (
    node: string,
    windowMs: number,
    position: string | null,
    sessions: ReadonlyMap<string, string>,
  ) => [node, windowMs, position ?? "", ...[...sessions].flat()],
  reply: () => undefined,
  lua: `
local key = base .. 'open:' .. node
if position ~= '' then redis.call('HSET', key, '${positionField}', position) end
for i = rest, #ARGV, 2 do
  if redis.call('HGET', key, ARGV[i]) ~= '${takenElsewhere}' then
    redis.call('HSET', key, ARGV[i], ARGV[i + 1])
  end
end
redis.call('PEXPIRE', key, windowMs + ${graceMs})
redis.call('SADD', base .. 'open', node)
return 1
`,
});

export const forgetOpen = script({
  parameters: ["node", "token"],
  args: (node: string, token: string) => [node, token],
  reply: () => undefined,
  lua: `
return redis.call('HDEL', base .. 'open:' .. node, token)
`,
});

export type FoundSessions =
  /** Of connections that have ended; there may be none. */
  | { readonly kind: "left"; readonly sessions: readonly string[] }
  /** A node has a connection open, and will soon have ended it. */
  | { readonly kind: "open" }
  /** What a connection would have left whose node has died. */
  | {
      readonly kind: "stored";
      readonly session: string;
      /** It counts as having received all up to here; null: nobody can say. */
      readonly position: string | null;
    };

/**
 * The sessions of all connections that had the token and whose window has not passed, which are gone with as many calls.
 * Where none has left one, but a node has one open, that node is asked to end it; of one that has died, what was stored
 * last is taken.
 *
 * @param here the node that asks
 * @param isLast the node is not waited for any more
 */
export const takeSessions = script({
  parameters: ["here", "token", "isLast"],
  args: (here: string, token: string, isLast: boolean) => [here, token, isLast ? 1 : 0],
  reply(raw): FoundSessions {
    const [kind, found, position] = readList(raw);
    if (kind === "open") return { kind };
    if (kind !== "stored") return { kind: "left", sessions: readTexts(found) };
    return { kind, session: String(found), position: position === "" ? null : String(position) };
  },
  lua: `
-- Whatever the page had here before has ended, though Redis may not know
local own = base .. 'open:' .. here
if redis.call('HGET', own, token) == '${takenElsewhere}' then redis.call('HDEL', own, token) end
local key = base .. 'away:' .. token
local rows = redis.call('LRANGE', key, 0, -1)
local sessions, over = {}, 0
for _, row in ipairs(rows) do
  local ends, session = string.match(row, '^(%d+) (.*)$')
  if ends and tonumber(ends) > nowMs then sessions[#sessions + 1] = session else over = over + 1 end
end
if over > 0 then
  -- They end in the order in which they came; who is back is counted among them first.
  redis.call('LTRIM', key, over, -1)
  local taken = tonumber(redis.call('GET', key .. ':taken') or 0)
  if taken > 0 then redis.call('DECRBY', key .. ':taken', math.min(taken, over)) end
end
if #sessions == 1 then
  redis.call('DEL', key, key .. ':taken')
elseif #sessions > 1 then
  local taken = redis.call('INCR', key .. ':taken')
  if taken >= #sessions then
    redis.call('DEL', key, key .. ':taken')
  else
    redis.call('PEXPIRE', key .. ':taken', redis.call('PTTL', key))
  end
end
if #sessions > 0 then return { 'left', sessions } end

for _, node in ipairs(redis.call('SMEMBERS', base .. 'open')) do
  local open = base .. 'open:' .. node
  local session = redis.call('HGET', open, token)
  if session and session ~= '${takenElsewhere}' then
    local heartbeat = redis.call('HGET', base .. 'nodes', node)
    if isLast == '1' or not heartbeat or heartbeat == '${claimed}' then
      redis.call('HSET', open, token, '${takenElsewhere}')
      return { 'stored', session, redis.call('HGET', open, '${positionField}') or '' }
    end
    announce('${controlChannel}', ${luaMessage("claim", { node: "node", token: "token" })})
    return { 'open' }
  end
  if redis.call('EXISTS', open) == 0 then redis.call('SREM', base .. 'open', node) end
end
return { 'left', {} }
`,
});
