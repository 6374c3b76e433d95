/** The scripts by which a node joins the cluster and sends its heartbeats. */

import { beginning } from "../entry-id.ts";
import { luaMessage } from "../envelope.ts";
import { parseHeartbeat, type Heartbeat } from "../heartbeat.ts";
import { claimed, controlChannel, echoMark } from "../keys.ts";
import { readList, readPairs } from "./reply.ts";
import { script } from "./script.ts";
import { readEnds, type Transition } from "./transitions.ts";

/** Ends in one answer. */
const maxDue = 500;
/** How long the log outlives the last node. */
const logTtlMs = 15 * 60_000;

export interface HeartbeatReply {
  /** False: Redis was emptied, or the node was given up. */
  readonly isKnown: boolean;
  /** Another one once Redis was emptied. */
  readonly epoch: string;
  readonly redisMs: number;
  /** Id of the log's last entry; `beginning`: it has none. */
  readonly lastEntry: string;
  readonly due: readonly Transition[];
  /** There are more of them than one answer takes. */
  readonly hasMoreDue: boolean;
  /** Every node's last heartbeat. */
  readonly nodes: ReadonlyMap<string, Heartbeat>;
}

/** A sign of life, of which the node gets an echo by what it is subscribed to. */
export const heartbeat = script({
  parameters: ["node", "echo", "newEpoch", "mark"],
  args: (node: string, { echo, newEpoch, hasSynced }: HeartbeatArguments) => [
    node,
    echo,
    newEpoch,
    hasSynced ? "+" : "",
  ],
  reply(raw): HeartbeatReply {
    const [isKnown, epoch, redisMs, lastEntry, due, nodes] = readList(raw);
    return {
      isKnown: isKnown === 1,
      epoch: String(epoch),
      redisMs: Number(redisMs),
      lastEntry: String(lastEntry),
      due: readEnds(due),
      hasMoreDue: readList(due).length >= maxDue,
      nodes: new Map([...readPairs(nodes)].map(([node, text]) => [node, parseHeartbeat(text)])),
    };
  },
  lua: `
redis.call('SETNX', base .. 'epoch', newEpoch)
announce('${echoMark}' .. node, ${luaMessage("echo", { id: "echo" })})
local last = redis.call('HGET', base .. 'nodes', node)
local isKnown = last and last ~= '${claimed}'
local due = {}
if isKnown then
  local count = tonumber(string.match(last, '^%d+')) + 1
  redis.call('HSET', base .. 'nodes', node, string.format('%d', count) .. mark)
  if grace >= 0 then
    due = redis.call('ZRANGEBYSCORE', base .. 'ends', '-inf', nowMs, 'LIMIT', 0, ${maxDue})
    if #due > 0 then redis.call('ZREM', base .. 'ends', unpack(due)) end
  end
end
local newest = redis.call('XREVRANGE', base .. 'log', '+', '-', 'COUNT', 1)[1]
redis.call('PEXPIRE', base .. 'log', ${logTtlMs})
redis.call('PEXPIRE', base .. 'log:bytes', ${logTtlMs})
return { isKnown and 1 or 0, redis.call('GET', base .. 'epoch'), string.format('%d', nowMs),
  newest and newest[1] or '${beginning}', due, redis.call('HGETALL', base .. 'nodes') }
`,
});

export interface HeartbeatArguments {
  readonly echo: string;
  /** For an epoch that begins with this heartbeat. */
  readonly newEpoch: string;
  /** All that the node has is registered. */
  readonly hasSynced: boolean;
}

/**
 * Makes a node known, to the other nodes too. Gives what it has registered already: each field and its value. What the
 * node has sent in an earlier term, and Redis has not done yet, it never will. The heartbeats count from the time: who
 * saw the node before, silent, sees something else now.
 */
export const joinCluster = script({
  parameters: ["node", "term", "adminUrl"],
  args: (node: string, term: number, adminUrl: string | null) => [node, term, adminUrl ?? ""],
  reply: readPairs,
  lua: `
local last = redis.call('HGET', base .. 'nodes', node)
if not last or last == '${claimed}' then
  redis.call('HSET', base .. 'nodes', node, string.format('%d', nowMs))
end
redis.call('HSET', base .. 'sessions', node, term)
if adminUrl ~= '' then redis.call('HSET', base .. 'admin_urls', node, adminUrl) end
announce('${controlChannel}', ${luaMessage("node_registered", { node: "node" })})
return redis.call('HGETALL', base .. 'node:' .. node)
`,
});
