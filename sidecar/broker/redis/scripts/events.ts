/** The scripts that publish, and that read what was published. */

import { isObject } from "../../../core/json.ts";
import { beginning } from "../entry-id.ts";
import { readList } from "./reply.ts";
import { script } from "./script.ts";

/** One message for some channels. */
export interface Publication {
  readonly message: string;
  readonly channels: readonly {
    readonly name: string;
    /** It is kept as the channel's last event. */
    readonly isCached: boolean;
  }[];
}

export interface PublishLimits {
  /** In Redis' time: past it nothing is done. */
  readonly deadlineMs: number;
  /** What the log may have, about. */
  readonly maxLogEntries: number;
  readonly maxLogBytes: number;
  /** How long the last event of a cache channel is kept. */
  readonly cacheTtlMs: number;
}

/** Behind these a channel's name stands: its last event is kept, or not. */
const marks = { cached: "c", other: "-" } as const;

/**
 * Publishes all of its messages or, past its deadline, none; true if they were published. The log comes first: where
 * memory is short it fails, and with it all.
 */
export const publish = script({
  parameters: ["deadline", "maxEntries", "maxBytes", "cacheMs"],
  args: (limits: PublishLimits, publications: readonly Publication[]) => [
    limits.deadlineMs,
    limits.maxLogEntries,
    limits.maxLogBytes,
    limits.cacheTtlMs,
    ...publications.flatMap(({ message, channels }) => [
      message,
      channels.length,
      ...channels.map(({ name, isCached }) => (isCached ? marks.cached : marks.other) + name),
    ]),
  ],
  reply: (raw) => raw === 1,
  lua: `
if nowMs > tonumber(deadline) then return 0 end
local log, total = base .. 'log', base .. 'log:bytes'
local most = tonumber(maxBytes)
local step = most / 64

local i = rest
while i <= #ARGV do
  local message, count = ARGV[i], tonumber(ARGV[i + 1])
  local first, last = i + 2, i + 1 + count
  local channels = {}
  for n = first, last do channels[#channels + 1] = string.sub(ARGV[n], 2) end
  local names = table.concat(channels, '\\n')
  local size = #message + #names
  local written = redis.call('INCRBY', total, size)
  local id = redis.call('XADD', log, 'MAXLEN', '~', maxEntries, '*', 'm', message, 'c', names, 's', written)
  -- The message is a JSON object: who gets it learns its place in the log.
  local sent = string.sub(message, 1, -2) .. ',"at":"' .. id .. '"}'
  -- Looked at once a step, since the oldest entry may be a large one.
  if math.floor(written / step) > math.floor((written - size) / step) then
    local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    while written - tonumber(oldest[2][6]) > most do
      redis.call('XDEL', log, oldest[1])
      oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    end
  end
  for n = first, last do
    if string.sub(ARGV[n], 1, 1) == '${marks.cached}' then
      redis.call('SET', base .. 'cache:' .. string.sub(ARGV[n], 2), message, 'PX', cacheMs)
    end
  end
  for _, channel in ipairs(channels) do send(channel, sent) end
  i = last + 1
end
return 1
`,
});

/** Stores the last event of a cache channel. */
export const keepEvent = script({
  parameters: ["channel", "message", "cacheMs"],
  args: (channel: string, message: string, cacheTtlMs: number) => [channel, message, cacheTtlMs],
  reply: () => undefined,
  lua: `
redis.call('SET', base .. 'cache:' .. channel, message, 'PX', cacheMs)
return 1
`,
});

/** The last event of a cache channel, and for how long it is still kept; null: there is none. */
export const lastEvent = script({
  parameters: ["channel"],
  args: (channel: string) => [channel],
  reply(raw): { readonly message: string; readonly ttlMs: number } | null {
    const [message, ttlMs] = readList(raw);
    return typeof message === "string" ? { message, ttlMs: Number(ttlMs) } : null;
  },
  lua: `
local key = base .. 'cache:' .. channel
local message = redis.call('GET', key)
if not message then return {} end
return { message, redis.call('PTTL', key) }
`,
});

export interface LogEntry {
  readonly id: string;
  readonly message: string;
  readonly channels: readonly string[];
}

export interface LogPage {
  /** What is no entry of a publish is left out. */
  readonly entries: readonly LogEntry[];
  /** The last entry that was looked at; null: there was none. */
  readonly upTo: string | null;
  /** Nothing is behind it. */
  readonly isLast: boolean;
}

/** A page has to arrive within `POGO_REDIS_TIMEOUT` over whatever link there is: events may have megabytes each. */
const maxPageBytes = 1_048_576;

/** Entries of the log between two ids, as XRANGE takes them: at most so many, and no more behind the first MiB. */
export const readLog = script({
  parameters: ["from", "to", "count"],
  args: (from: string, to: string, count: number) => [from, to, count],
  reply(raw): LogPage {
    const [isLast, list] = readList(raw);
    const entries = readList(list);
    const [upTo = null] = readList(entries.at(-1));
    return {
      entries: entries.flatMap(readEntry),
      upTo: typeof upTo === "string" ? upTo : null,
      isLast: isLast === 1,
    };
  },
  lua: `
local entries, bytes = {}, 0
while #entries < tonumber(count) and bytes < ${maxPageBytes} do
  local entry = redis.call('XRANGE', base .. 'log', from, to, 'COUNT', 1)[1]
  if not entry then return { 1, entries } end
  entries[#entries + 1] = entry
  for _, text in ipairs(entry[2]) do bytes = bytes + #text end
  from = '(' .. entry[1]
end
return { 0, entries }
`,
});

/** Whether the log still has all that was written behind an entry, or behind its beginning. */
export const reachesBack = script({
  parameters: ["after"],
  args: (after: string) => [after],
  reply: (raw) => raw === 1,
  lua: `
if after ~= '${beginning}' then
  return #redis.call('XRANGE', base .. 'log', after, after)
end
local oldest = redis.call('XRANGE', base .. 'log', '-', '+', 'COUNT', 1)[1]
if not oldest then return 1 end
-- What had been written with the very first one is its own size.
local message, names, written = oldest[2][2], oldest[2][4], oldest[2][6]
return tonumber(written) == #message + #names and 1 or 0
`,
});

function readEntry(raw: unknown): readonly LogEntry[] {
  const [id, fields] = readList(raw);
  if (typeof id !== "string" || !Array.isArray(fields)) return [];
  const named: unknown = Object.fromEntries(
    Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i], fields[2 * i + 1]]),
  );
  if (!isObject(named)) return [];
  const { m: message, c: channels } = named;
  if (typeof message !== "string" || typeof channels !== "string") return [];
  return [{ id, message, channels: channels.split("\n") }];
}
