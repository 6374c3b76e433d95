/** Who is where, asked of Redis: for the API, and for lists that are read anew. */

import { userOfChannel } from "../../core/channel-name.ts";
import { parseMember } from "../../core/presence.ts";
import type { Answer, PresenceStore } from "../../core/presence-store.ts";
import type { RosterSnapshot } from "../../core/roster.ts";
import type { Holdings } from "./holdings.ts";
import { countConnections, find, snapshot } from "./scripts/queries.ts";
import type { RunScript, Script } from "./scripts/script.ts";

export type Queries = Pick<PresenceStore, "findChannels" | "findMembers" | "countConnections">;

export function createQueries(options: {
  readonly run: RunScript;
  readonly holdings: Holdings;
  readonly isUp: () => boolean;
}): Queries {
  const { run, holdings, isUp } = options;

  async function ask<T>(
    script: Script,
    args: readonly string[],
    read: (reply: unknown) => T,
  ): Promise<Answer<T>> {
    if (!isUp()) return { ok: false };
    try {
      // What this node has not told yet counts too.
      await holdings.flush();
      return { ok: true, value: read(await run(script, ...args)) };
    } catch {
      return { ok: false };
    }
  }

  return {
    findChannels(wanted) {
      const args = "names" in wanted ? ["names", ...wanted.names] : ["prefix", wanted.prefix];
      return ask(find, args, (reply) => {
        const rows: unknown[] = Array.isArray(reply) ? reply : [];
        return Array.from({ length: rows.length / 3 }, (_, i) => ({
          name: String(rows[3 * i]),
          subscriptionCount: Number(rows[3 * i + 1]),
          userCount: Number(rows[3 * i + 2]),
        })).filter(({ name }) => userOfChannel(name) === null);
      });
    },
    findMembers: (name) => ask(snapshot, [name], (reply) => parseSnapshot(reply).members),
    countConnections: () => ask(countConnections, [], Number),
  };
}

export function parseSnapshot(reply: unknown): RosterSnapshot {
  const [version, rows]: unknown[] = Array.isArray(reply) ? reply : [];
  const members = (Array.isArray(rows) ? rows : []).flatMap((row: unknown) => {
    const [, order, text = ""] = /^(\d+) (.*)$/s.exec(String(row)) ?? [];
    const member = parseMember(text);
    return member ? [{ order: Number(order), member }] : [];
  });
  members.sort((a, b) => a.order - b.order);
  return { version: Number(version), members: members.map(({ member }) => member) };
}
