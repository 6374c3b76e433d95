/** The scripts that answer questions about channels, members and connections. */

import { parseMember } from "../../../core/presence.ts";
import type { ChannelSummary, WantedChannels } from "../../../core/presence-store.ts";
import type { RosterSnapshot } from "../../../core/roster.ts";
import { luaMessage } from "../envelope.ts";
import { presenceMark } from "../keys.ts";
import { readList, readNumbers, readRows, readTexts } from "./reply.ts";
import { script } from "./script.ts";

/** The members of a channel. Of each Redis has its order, a space, and what it is. */
export const snapshot = script({
  parameters: ["channel"],
  args: (channel: string) => [channel],
  reply(raw): RosterSnapshot {
    const [version, rows] = readList(raw);
    const members = readTexts(rows).flatMap((row) => {
      const [, order, text = ""] = /^(\d+) (.*)$/s.exec(row) ?? [];
      const member = parseMember(text);
      return member ? [{ order: Number(order), member }] : [];
    });
    members.sort((a, b) => a.order - b.order);
    return { version: Number(version), members: members.map(({ member }) => member) };
  },
  lua: `
return { tonumber(redis.call('HGET', base .. 'versions', channel) or 0),
  redis.call('HVALS', base .. 'members:' .. channel) }
`,
});

/** Occupied channels. */
export const findChannels = script({
  parameters: ["by", "prefix"],
  args: (wanted: WantedChannels) =>
    "names" in wanted ? ["names", "", ...wanted.names] : ["prefix", wanted.prefix],
  reply: (raw): readonly ChannelSummary[] =>
    readRows(raw, 3).map(([name = "", subscriptions, users]) => ({
      name,
      subscriptionCount: Number(subscriptions),
      userCount: Number(users),
    })),
  lua: `
local found = {}
local function add(name, total)
  local users = 0
  if string.sub(name, 1, ${presenceMark.length}) == '${presenceMark}' then
    users = redis.call('HLEN', base .. 'members:' .. name)
  end
  found[#found + 1] = name
  found[#found + 1] = tonumber(total)
  found[#found + 1] = users
end
if by == 'names' then
  for i = rest, #ARGV do
    local total = redis.call('HGET', base .. 'channels', ARGV[i])
    if total then add(ARGV[i], total) end
  end
else
  local rows = redis.call('HGETALL', base .. 'channels')
  for i = 1, #rows, 2 do
    if string.sub(rows[i], 1, #prefix) == prefix then add(rows[i], rows[i + 1]) end
  end
end
return found
`,
});

/** How many connections of all nodes are subscribed to anything. */
export const countConnections = script({
  parameters: [],
  args: () => [],
  reply: Number,
  lua: `
local total = 0
for _, count in ipairs(redis.call('HVALS', base .. 'connections')) do total = total + count end
return total
`,
});

export interface NodeSummary {
  readonly id: string;
  /** That are subscribed to anything. */
  readonly connections: number;
  /** Of its admin port, for browsers; null: it has not said. */
  readonly adminUrl: string | null;
}

export const listNodes = script({
  parameters: [],
  args: () => [],
  reply: (raw): readonly NodeSummary[] =>
    readRows(raw, 3).map(([id = "", connections, url = ""]) => ({
      id,
      connections: Number(connections),
      // It becomes a link.
      adminUrl: /^https?:/.test(url) ? url : null,
    })),
  lua: `
local found = {}
local counts = redis.call('HGETALL', base .. 'connections')
for i = 1, #counts, 2 do
  found[#found + 1] = counts[i]
  found[#found + 1] = counts[i + 1]
  found[#found + 1] = redis.call('HGET', base .. 'admin_urls', counts[i]) or ''
end
return found
`,
});

/** Announces to the subscribers of some channels, on every node, how many they are. Gives the counts, 0 for a vacant channel. */
export const announceCounts = script({
  parameters: [],
  args: (channels: readonly string[]) => channels,
  reply: readNumbers,
  lua: `
local counts = {}
for i = rest, #ARGV do
  local count = tonumber(redis.call('HGET', base .. 'channels', ARGV[i]) or 0)
  announce(ARGV[i], ${luaMessage("subscription_count", { count: "count" })})
  counts[#counts + 1] = count
end
return counts
`,
});
