/** The presence store of a single node: what this node knows is all there is. */

import { hasMembers, userOfChannel } from "../core/channel-name.ts";
import { toWebhookEvent, type Occupancy } from "../core/occupancy.ts";
import { memberKey } from "../core/presence.ts";
import type { ChannelSummary, PresenceListener, PresenceStore } from "../core/presence-store.ts";
import { Roster } from "../core/roster.ts";

interface EnteredChannel {
  entries: number;
  /** Null where nobody can be a member: a public channel costs no lists. */
  readonly roster: Roster | null;
}

export function createMemoryPresence(listener: PresenceListener): PresenceStore {
  /** In the order in which they came to be. */
  const channels = new Map<string, EnteredChannel>();
  let connectionCount = 0;

  function report(occupancy: Occupancy, change: "began" | "ended"): void {
    const event = toWebhookEvent(occupancy, change);
    if (event) listener.webhookDue(event);
  }

  function open(name: string): EnteredChannel {
    const roster = hasMembers(name)
      ? new Roster({
          added: (member) => listener.memberAdded(name, member),
          removed: (member) => listener.memberRemoved(name, member),
        })
      : null;
    const channel = { entries: 0, roster };
    channels.set(name, channel);
    report({ kind: "channel", channel: name }, "began");
    return channel;
  }

  function summarize(name: string): ChannelSummary | null {
    const channel = channels.get(name);
    if (!channel || userOfChannel(name) !== null) return null;
    const userCount = channel.roster?.userCount ?? 0;
    return { name, subscriptionCount: channel.entries, userCount };
  }

  return {
    enter(name, entered) {
      const channel = channels.get(name) ?? open(name);
      channel.entries += 1;
      entered();
    },
    exit(name) {
      const channel = channels.get(name);
      if (!channel) return;
      channel.entries -= 1;
      if (channel.entries > 0) return;
      channels.delete(name);
      report({ kind: "channel", channel: name }, "ended");
    },
    join(name, member, joined) {
      if (channels.get(name)?.roster?.join(member)) {
        report({ kind: "member", channel: name, userKey: memberKey(member) }, "began");
      }
      joined();
    },
    leave(name, member) {
      if (!channels.get(name)?.roster?.leave(member)) return;
      report({ kind: "member", channel: name, userKey: memberKey(member) }, "ended");
    },
    roster: (name) => channels.get(name)?.roster ?? undefined,
    setConnectionCount: (count) => void (connectionCount = count),
    announceSubscriptionCounts(names) {
      for (const name of names) {
        const count = channels.get(name)?.entries;
        if (count === undefined) continue;
        listener.subscriptionsCounted(name, count);
        listener.webhookDue({
          name: "subscription_count",
          channel: name,
          subscription_count: count,
        });
      }
    },
    findChannels(wanted) {
      const names =
        "names" in wanted
          ? wanted.names
          : [...channels.keys()].filter((name) => name.startsWith(wanted.prefix));
      return Promise.resolve({ ok: true, value: names.flatMap((name) => summarize(name) ?? []) });
    },
    findMembers: (name) =>
      Promise.resolve({ ok: true, value: [...(channels.get(name)?.roster?.members() ?? [])] }),
    countConnections: () => Promise.resolve({ ok: true, value: connectionCount }),
  };
}
