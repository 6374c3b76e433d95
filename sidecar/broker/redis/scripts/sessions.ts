/** The scripts that keep what clients may come back to. */

import { readTexts } from "./reply.ts";
import { script } from "./script.ts";

/** Connections that share a token, of which so many are remembered. */
const maxConnections = 16;

/** Keeps the session of one connection, beside those of others with the same token. */
export const putSession = script({
  parameters: ["token", "session", "windowMs"],
  args: (token: string, session: string, windowMs: number) => [token, session, windowMs],
  reply: () => undefined,
  lua: `
local key = base .. 'away:' .. token
redis.call('RPUSH', key, session)
redis.call('LTRIM', key, -${maxConnections}, -1)
redis.call('PEXPIRE', key, windowMs)
return 1
`,
});

/** The sessions of all connections that had the token. They are gone with as many calls. */
export const takeSessions = script({
  parameters: ["token"],
  args: (token: string) => [token],
  reply: (raw): readonly string[] => readTexts(raw),
  lua: `
local key = base .. 'away:' .. token
local sessions = redis.call('LRANGE', key, 0, -1)
if #sessions == 0 then return {} end
if #sessions == 1 then
  redis.call('DEL', key)
  return sessions
end
local taken = redis.call('INCR', key .. ':taken')
if taken >= #sessions then
  redis.call('DEL', key, key .. ':taken')
else
  redis.call('PEXPIRE', key .. ':taken', redis.call('PTTL', key))
end
return sessions
`,
});
