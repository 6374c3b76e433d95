/**
 * What Redis does by itself, in one step that nobody sees half of: the Lua scripts, and what each takes and gives.
 *
 * Data of an app, each name behind its base (`keys.ts`):
 * - `nodes` hash: node → a number that grows with each heartbeat, with `+` behind it if all that the node has was
 *   registered by then; or `claimed` while its registrations are given up for it
 * - `sessions` hash: node → the number of its connection to Redis, as it counts them
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

/** Runs a script for one app; its first arguments, which all scripts share, are known. */
export type RunScript = (script: Script, ...args: readonly (string | number)[]) => Promise<unknown>;

export function script(text: string): Script {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/** Every script is given: the base, PUBLISH or SPUBLISH, the webhooks' grace (ms; -1: no webhooks). */
export const prelude = `
local base, publish, grace = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local function tell(channel, message)
  redis.call(publish, base .. 't:' .. channel, message)
end
`;
