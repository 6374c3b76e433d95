/** The contract of brokers and presence stores (core/ports.ts, core/presence-store.ts), for every implementation. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Broker, ChannelEvent } from "../../core/ports.ts";
import { memberKey, type Member } from "../../core/presence.ts";
import type { UserId } from "../../core/user-id.ts";
import type { RecordingNode } from "./redis-node.ts";
import { until } from "../../testing/eventually.ts";

export type ContractNode = RecordingNode<Broker>;

/** Starts so many nodes that know each other; they end with the test. */
export type StartNodes = (test: TestContext, count: number) => Promise<readonly ContractNode[]>;

/** An id beyond JavaScript's safe integers. */
const long = JSON.rawJSON("9007199254740993");

export function event(channel: string, data = "x", more: Partial<ChannelEvent> = {}): ChannelEvent {
  return { appId: "app", channel, event: "e", dataJson: JSON.stringify(data), ...more };
}

export function member(userId: UserId, userInfo: unknown = {}): Member {
  return { userId, userInfo };
}

/** Subscribes as the hub does. */
export async function join(node: ContractNode, channel: string, joining?: Member): Promise<void> {
  await new Promise<void>((entered) => node.presence.enter(channel, entered));
  if (joining) await new Promise<void>((joined) => node.presence.join(channel, joining, joined));
}

export function leave(node: ContractNode, channel: string, leaving?: Member): void {
  if (leaving) node.presence.leave(channel, leaving);
  node.presence.exit(channel);
}

export function listed(node: ContractNode, channel: string): string[] {
  return [...(node.presence.roster(channel)?.members() ?? [])].map(memberKey);
}

/** Waits until what is recorded is this. */
export async function recorded(actual: () => unknown, expected: unknown): Promise<void> {
  await until("what is expected is recorded", async () => {
    try {
      assert.deepEqual(await actual(), expected);
      return true;
    } catch {
      return false;
    }
  }).catch(async () => assert.deepEqual(await actual(), expected));
}

/** What is so on one node as on many. @param counts with how many nodes it is run */
export function describeContract(name: string, start: StartNodes, counts: readonly number[]): void {
  for (const count of counts) {
    describe(`${name}, ${count === 1 ? "one node" : `${count} nodes`}`, () => {
      describeEvents(start, count);
      describePresence(start, count);
      describeAnswers(start, count);
      describeWebhookEvents(start, count);
    });
  }
}

function describeEvents(start: StartNodes, count: number): void {
  it("N01: delivers what is published once, in order, to every node with subscribers", async (t) => {
    const nodes = await start(t, count);
    const [first] = nodes;
    for (const node of nodes) for (const channel of ["a", "b"]) await join(node, channel);
    const events = [event("a", "1"), event("b", "1"), event("a", "2"), event("b", "3")];
    assert.deepEqual(await first?.broker.publish(events), { ok: true });
    for (const node of nodes) await recorded(() => node.delivered, events);
  });

  it("N02: keeps whom to leave out", async (t) => {
    const nodes = await start(t, count);
    for (const node of nodes) await join(node, "a");
    const sent = event("a", "x", { exceptSocketId: "1.2" });
    await nodes[0]?.broker.publish([sent]);
    for (const node of nodes) await recorded(() => node.delivered, [sent]);
  });

  it("takes an event for a channel that nobody is subscribed to, and one for no channel", async (t) => {
    const [node] = await start(t, count);
    assert.deepEqual(await node?.broker.publish([event("nobody")]), { ok: true });
    assert.deepEqual(await node?.broker.publish([]), { ok: true });
  });

  it("N03: relays a client event to the other nodes alone, its number and all", async (t) => {
    const nodes = await start(t, count);
    for (const node of nodes) await join(node, "presence-a", member("1"));
    const whispered = event("presence-a", "x", {
      dataJson: '{"n":1.0}',
      isClientEvent: true,
      userId: long,
      exceptSocketId: "1.2",
    });
    const [sender, ...others] = nodes;
    sender?.broker.relay(whispered);
    for (const node of others) await recorded(() => node.delivered, [whispered]);
    await sender?.broker.publish([event("presence-a", "after")]);
    await recorded(() => sender?.delivered, [event("presence-a", "after")]);
  });

  it("R03, R07: delivers here what every node gets by itself, and keeps it as a cache channel's last event", async (t) => {
    const nodes = await start(t, count);
    const [first, ...others] = nodes;
    for (const node of nodes) await join(node, "cache-a");
    const last = event("cache-a", "2");
    for (const one of [event("cache-a", "1"), last]) first?.broker.deliverHere(one);
    await recorded(() => first?.delivered, [event("cache-a", "1"), last]);
    for (const node of nodes) {
      await recorded(async () => (await node.broker.lastEvent("app", "cache-a"))?.event, last);
    }
    for (const node of others) assert.deepEqual(node.delivered, []);
  });

  it("keeps the last event of a cache channel, for every node", async (t) => {
    const nodes = await start(t, count);
    const [first] = nodes;
    const last = event("cache-a", "2");
    await first?.broker.publish([event("cache-a", "1"), last, event("a", "3")]);
    for (const node of nodes) {
      const cached = await node.broker.lastEvent("app", "cache-a");
      assert.deepEqual(cached?.event, last);
      assert.ok(cached.ttlMs > 50_000 && cached.ttlMs <= 60_000, String(cached.ttlMs));
      assert.equal(await node.broker.lastEvent("app", "a"), null);
    }
  });

  it("N07: terminates a user on every node", async (t) => {
    const nodes = await start(t, count);
    assert.deepEqual(await nodes[0]?.broker.terminate("app", "user 7"), { ok: true });
    for (const node of nodes) await recorded(() => node.terminated, ["user 7"]);
  });

  it("delivers nothing after it was closed", async (t) => {
    const [node] = await start(t, count);
    await (node && join(node, "a"));
    await node?.close();
    await node?.broker.publish([event("a")]);
  });
}

function describePresence(start: StartNodes, count: number): void {
  const last = count - 1;

  it("N04: a user is added once and removed once, however many connections it has", async (t) => {
    const nodes = await start(t, count);
    for (const node of nodes) await join(node, "presence-a");
    for (const node of [...nodes, ...nodes]) await join(node, "presence-a", member("1"));
    for (const node of nodes) {
      await recorded(() => node.changes, ["+ presence-a 1"]);
      assert.deepEqual(listed(node, "presence-a"), ["1"]);
    }
    for (const node of [...nodes, ...nodes]) leave(node, "presence-a", member("1"));
    for (const node of nodes) {
      await recorded(() => node.changes, ["+ presence-a 1", "- presence-a 1"]);
    }
  });

  it("who comes finds everybody, itself included, with their own ids and infos", async (t) => {
    const nodes = await start(t, count);
    const [first] = nodes;
    const other = nodes[last];
    if (!first || !other) return;
    const odd = [
      member(5, { name: "Ünï \u{1F600}" }),
      member("user with spaces\nand: colons", []),
      member("5 ", "text"),
      member(long, { id: long }),
      member("__proto__", { a: [1, { b: "c" }] }),
    ];
    for (const joining of odd) await join(first, "presence-a", joining);
    await join(other, "presence-a", member("6"));
    assert.deepEqual(
      [...(other.presence.roster("presence-a")?.members() ?? [])],
      [...odd, member("6")],
    );
  });

  it("knows nothing of a channel that it has not entered, or has left", async (t) => {
    const nodes = await start(t, count);
    const [first] = nodes;
    const other = nodes[last];
    if (!first || !other) return;
    assert.equal(other.presence.roster("presence-a"), undefined);
    await join(other, "presence-a", member("1"));
    leave(other, "presence-a", member("1"));
    assert.equal(other.presence.roster("presence-a"), undefined);
    await join(first, "presence-a", member("2"));
    await join(other, "presence-a");
    assert.deepEqual(listed(other, "presence-a"), ["2"]);
  });

  it("keeps no list of members for a channel that can have none", async (t) => {
    const [node] = await start(t, count);
    if (!node) return;
    for (const name of ["news", "cache-news", "private-orders", "private-encrypted-orders"]) {
      await join(node, name);
      assert.equal(node.presence.roster(name), undefined, name);
    }
    for (const name of ["presence-a", "presence-cache-a", "#server-to-user-1"]) {
      await join(node, name);
      assert.ok(node.presence.roster(name), name);
    }
  });

  it("the user of the same id in another channel is another member", async (t) => {
    const nodes = await start(t, count);
    const node = nodes[last];
    if (!node) return;
    await join(node, "presence-a", member("1"));
    await join(node, "presence-ab", member("1"));
    leave(node, "presence-a", member("1"));
    assert.deepEqual(listed(node, "presence-ab"), ["1"]);
  });

  it("one who signs in is online for those who watch, on every node", async (t) => {
    const nodes = await start(t, count);
    const channel = "#server-to-user-7";
    for (const node of nodes) await join(node, channel);
    const [first] = nodes;
    if (!first) return;
    await join(first, channel, member("7"));
    for (const node of nodes) await recorded(() => node.changes, [`+ ${channel} 7`]);
    leave(first, channel, member("7"));
    for (const node of nodes) {
      await recorded(() => node.changes, [`+ ${channel} 7`, `- ${channel} 7`]);
    }
  });

  it("a crowd that comes and goes at once leaves nothing behind", async (t) => {
    const nodes = await start(t, count);
    const watcher = nodes[0];
    if (!watcher) return;
    await join(watcher, "presence-a");
    const crowd = Array.from({ length: 300 }, (_, i) => ({
      node: nodes[i % count] ?? watcher,
      user: member(`u${i % 100}`),
    }));
    await Promise.all(crowd.map(({ node, user }) => join(node, "presence-a", user)));
    await recorded(() => listed(watcher, "presence-a").length, 100);
    for (const { node, user } of crowd) leave(node, "presence-a", user);
    await recorded(() => listed(watcher, "presence-a"), []);
    assert.equal(watcher.changes.length, 200);
    assert.deepEqual(await watcher.presence.findMembers("presence-a"), { ok: true, value: [] });
  });
}

function describeAnswers(start: StartNodes, count: number): void {
  it("N05, N06, N09: counts subscriptions and users of all nodes, each user once", async (t) => {
    const nodes = await start(t, count);
    for (const node of nodes) {
      await join(node, "a");
      await join(node, "presence-a", member("1"));
      await join(node, "presence-a", member(node === nodes[0] ? "2" : "1"));
      await join(node, "#server-to-user-1", member("1"));
      node.presence.setConnectionCount(2);
    }
    for (const { presence } of nodes) {
      const found = await presence.findChannels({ prefix: "" });
      const channels = found.ok ? found.value.toSorted((a, b) => (a.name < b.name ? -1 : 1)) : [];
      assert.deepEqual(channels, [
        { name: "a", subscriptionCount: count, userCount: 0 },
        { name: "presence-a", subscriptionCount: 2 * count, userCount: 2 },
      ]);
      assert.deepEqual(await presence.findChannels({ prefix: "pres" }), {
        ok: true,
        value: [channels[1]],
      });
      assert.deepEqual(await presence.findChannels({ names: ["nobody", "a", "nor-this"] }), {
        ok: true,
        value: [channels[0]],
      });
      assert.deepEqual(await presence.findMembers("presence-a"), {
        ok: true,
        value: [member("1"), member("2")],
      });
      assert.deepEqual(await presence.countConnections(), { ok: true, value: 2 * count });
    }
  });

  it("a channel is there until its last subscription ends, on whichever node", async (t) => {
    const nodes = await start(t, count);
    const [first] = nodes;
    const other = nodes[count - 1];
    if (!first || !other) return;
    await join(first, "a");
    await join(other, "a");
    leave(first, "a");
    assert.deepEqual(await first.presence.findChannels({ names: ["a"] }), {
      ok: true,
      value: [{ name: "a", subscriptionCount: 1, userCount: 0 }],
    });
    leave(other, "a");
    await recorded(() => other.webhookEvents.at(-1)?.name, "channel_vacated");
    assert.deepEqual(await first.presence.findChannels({ prefix: "" }), { ok: true, value: [] });
  });

  it("announces to subscribers how many they are, on every node", async (t) => {
    const nodes = await start(t, count);
    for (const node of nodes) await join(node, "a");
    nodes[0]?.presence.announceSubscriptionCounts(["a", "nobody"]);
    for (const node of nodes) {
      await recorded(() => node.counts.filter((line) => line.startsWith("a")), [`a ${count}`]);
    }
    const sent = nodes.flatMap(({ webhookEvents }) =>
      webhookEvents.filter(({ name }) => name === "subscription_count"),
    );
    assert.deepEqual(sent, [
      { name: "subscription_count", channel: "a", subscription_count: count },
    ]);
  });
}

function describeWebhookEvents(start: StartNodes, count: number): void {
  it("says to one node alone what webhooks are to send", async (t) => {
    const nodes = await start(t, count);
    for (const node of nodes) {
      await join(node, "presence-a", member(1));
      await join(node, "#server-to-user-9", member("9"));
    }
    for (const node of nodes) {
      leave(node, "presence-a", member(1));
      leave(node, "#server-to-user-9", member("9"));
    }
    const webhookEvents = () =>
      nodes.flatMap((node) => node.webhookEvents.map((event) => JSON.stringify(event)));
    await recorded(
      () => webhookEvents().toSorted(),
      [
        { name: "channel_occupied", channel: "presence-a" },
        { name: "channel_vacated", channel: "presence-a" },
        { name: "member_added", channel: "presence-a", user_id: "1" },
        { name: "member_removed", channel: "presence-a", user_id: "1" },
        { name: "user_connected", user_id: "9" },
        { name: "user_disconnected", user_id: "9" },
      ]
        .map((event) => JSON.stringify(event))
        .toSorted(),
    );
  });
}
