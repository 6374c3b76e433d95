/** A node that goes, by itself or by force: who was on it leaves once, and who comes back elsewhere has never left. */

import assert from "node:assert/strict";
import process from "node:process";
import { afterEach, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { askRedis } from "../../sidecar/testing/redis/redis-client.ts";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import type { Api } from "./support/api.ts";
import type { Client } from "./support/client.ts";
import { createScope, redisAt, startThree, untilDelivered, type Env } from "./support/cluster.ts";
import { leaseMs, type ClusterNode } from "./support/node.ts";
import { startWebhooks, type Webhooks } from "./support/webhooks.ts";
import { until } from "../../sidecar/testing/eventually.ts";

const channel = "presence-room";
/** What a busy machine may add to what a node promises. */
const slackMs = 1_500;
const nodeIsGone = "a node is gone: its members are removed";

describe("a node goes", { skip: needsRedis() }, () => {
  const scope = createScope();
  let webhooks: Webhooks;
  let env: Env;

  beforeEach(async () => {
    webhooks = await startWebhooks(scope);
    env = {
      ...redisAt((await scope.redis()).port),
      POGO_WEBHOOK_URL: webhooks.url,
      POGO_WEBHOOK_GRACE: "500ms",
    };
  });
  afterEach(() => scope.end());

  const join = async (node: ClusterNode, userId: string): Promise<Client> => {
    const client = await scope.client(node);
    await client.join(channel, userId);
    return client;
  };
  const takeovers = (nodes: readonly ClusterNode[]): number =>
    nodes.reduce((sum, node) => sum + node.logged(nodeIsGone), 0);

  test("kill -9: its members leave once, for all survivors, within the lease", async () => {
    const [a, b, c] = await startThree("nodes", scope, env);
    const watchers = [await join(b, "bea"), await join(c, "cleo")];
    for (const userId of ["ada", "ann", "amy", "bea"]) await join(a, userId);
    const friend = await scope.client(c);
    await friend.signIn("fred", ["ada"]);
    await (await scope.client(a)).signIn("ada");
    await friend.until("ada online", () => statuses(friend).includes("online"));
    // What a node has not sent to an endpoint yet dies with it.
    await Promise.all([webhooks.untilSent("ada", 1), webhooks.untilSent(channel, 6)]);

    await a.kill();
    const gone = ["-ada", "-amy", "-ann"];
    for (const watcher of watchers) {
      const hasSeenAll = () => gone.every((change) => watcher.changes(channel).includes(change));
      await watcher.until("all of A to leave", hasSeenAll, leaseMs + slackMs);
    }
    await friend.until("ada offline", () => statuses(friend).at(-1) === "offline");

    await untilDelivered(b, channel, watchers);
    for (const watcher of watchers) {
      assert.deepEqual(watcher.members(channel), ["bea", "cleo"]);
      assert.deepEqual(
        watcher
          .changes(channel)
          .filter((change) => change.startsWith("-"))
          .toSorted(),
        gone,
      );
    }
    for (const { api } of [b, c]) {
      assert.deepEqual(await api.users(channel), ["bea", "cleo"]);
      await untilConnections(api, 2);
      const { json } = await api.get(`channels/${channel}`, { info: "user_count" });
      assert.deepEqual(json, { occupied: true, user_count: 2 });
    }
    assert.deepEqual(statuses(friend), ["offline", "online", "offline"]);
    assert.equal(takeovers([a, b, c]), 1);
    assert.deepEqual(await webhooks.untilSent("ada", 2), ["user_connected", "user_disconnected"]);
    const sent = await webhooks.untilSent(channel, 9);
    assert.deepEqual(sent.filter((event) => event.startsWith("member_removed")).toSorted(), [
      "member_removed ada",
      "member_removed amy",
      "member_removed ann",
    ]);
  });

  for (const kind of ["nodes", "workers"] as const) {
    const startNodes = (more: Env = {}) => startThree(kind, scope, { ...env, ...more });

    test(`${kind}: kill -9, and who comes back on another one within the lease has never left`, async () => {
      const [a, b, c] = await startNodes();
      const watchers = [await join(b, "bea"), await join(c, "cleo")];
      const ada = await join(a, "ada");
      await untilDelivered(b, channel, watchers);
      await a.kill();
      await ada.closed;
      const back = await join(b, "ada");
      assert.deepEqual(back.members(channel), ["ada", "bea", "cleo"]);
      await until("the takeover", () => takeovers([a, b, c]) > 0);
      // A worker has a successor by then.
      const left = kind === "workers" ? 3 : 2;
      await until("A to be forgotten", async () => (await c.metric("pogo_cluster_nodes")) === left);
      await untilDelivered(c, channel, [...watchers, back]);
      assert.deepEqual(watchers[0]?.changes(channel), ["+cleo", "+ada"]);
      assert.deepEqual(watchers[1]?.changes(channel), ["+ada"]);
      assert.deepEqual(back.changes(channel), []);
      assert.ok(!webhooks.about(channel).includes("member_removed ada"));
    });

    test(`${kind}: kill -9 of all, and who comes next takes their members off, and finds no ghosts`, async () => {
      const [a, b, c] = await startNodes();
      await Promise.all([join(a, "ada"), join(b, "bea"), join(c, "cleo")]);
      await Promise.all([a.kill(), b.kill(), c.kill()]);
      const next = kind === "workers" ? a : await scope.node(env);
      await next.untilReady();
      const dan = await join(next, "dan");
      await dan.until(
        "nobody else",
        () => dan.members(channel).join() === "dan",
        leaseMs + slackMs,
      );
      assert.deepEqual(await next.api.users(channel), ["dan"]);
      await untilConnections(next.api, 1);
    });

    test(`${kind}: SIGTERM of one, and who goes on to another one at once has never left; the rest leave without a lease`, async () => {
      const long = { POGO_NODE_LEASE: "30s" };
      const [a, b, c] = await startNodes(long);
      const watchers = [await join(b, "bea"), await join(c, "cleo")];
      const [ada, ann] = [await join(a, "ada"), await join(a, "ann")];
      await untilDelivered(b, channel, watchers);
      const before = watchers.map((watcher) => watcher.changes(channel));

      const stopping = a.stop();
      assert.deepEqual(await Promise.all([ada.closed, ann.closed]), [4200, 4200]);
      const back = await join(b, "ada");
      assert.deepEqual(back.members(channel), ["ada", "ann", "bea", "cleo"]);
      assert.deepEqual(await stopping, { code: 0, signal: null });
      await Promise.all(
        [...watchers, back].map((client) =>
          client.until("ann to leave", () => client.changes(channel).includes("-ann")),
        ),
      );
      await untilDelivered(c, channel, [...watchers, back]);
      for (const [index, watcher] of watchers.entries()) {
        assert.deepEqual(watcher.changes(channel), [...(before[index] ?? []), "-ann"]);
      }
      for (const { api } of [b, c]) {
        assert.deepEqual(await api.users(channel), ["ada", "bea", "cleo"]);
        await untilConnections(api, 3);
      }
      assert.equal(takeovers([a, b, c]), 0);
      const told = await webhooks.untilSent(channel, 6);
      assert.deepEqual(
        told.filter((event) => event.startsWith("member_removed")),
        ["member_removed ann"],
      );
    });
  }

  test("a node that only slept for longer than the lease: gone once, and back once", async () => {
    const [a, b, c] = await startThree("nodes", scope, env);
    const watchers = [await join(b, "bea"), await join(c, "cleo")];
    const ada = await join(a, "ada");
    await untilDelivered(b, channel, watchers);
    await webhooks.untilSent(channel, 4);
    process.kill(a.pid, "SIGSTOP");
    try {
      for (const watcher of watchers) {
        const isGone = () => watcher.changes(channel).includes("-ada");
        await watcher.until("ada to leave", isGone, leaseMs + slackMs);
      }
      const told = await webhooks.untilSent(channel, 5);
      assert.equal(told.at(-1), "member_removed ada");
    } finally {
      process.kill(a.pid, "SIGCONT");
    }
    for (const watcher of watchers) {
      await watcher.until("ada back", () => watcher.members(channel).includes("ada"));
    }
    await untilDelivered(b, channel, [...watchers, ada]);
    assert.deepEqual(watchers[1]?.changes(channel), ["+ada", "-ada", "+ada"]);
    assert.deepEqual(ada.members(channel), ["ada", "bea", "cleo"]);
    assert.deepEqual(ada.changes(channel), []);
    for (const node of [a, b, c]) {
      await node.untilReady();
      assert.deepEqual(await node.api.users(channel), ["ada", "bea", "cleo"]);
    }
    const told = await webhooks.untilSent(channel, 6);
    assert.deepEqual(told.slice(-2), ["member_removed ada", "member_added ada"]);
  });

  test("FLUSHALL, and SIGTERM right after it: who does not come back leaves with the node, not with the lease", async () => {
    const redis = await scope.redis();
    const here = { ...redisAt(redis.port), POGO_NODE_LEASE: "30s" };
    const [a, b] = await Promise.all([scope.node(here), scope.node(here)]);
    const [ada, ann] = [await join(a, "ada"), await join(a, "ann")];
    const bea = await join(b, "bea");
    await untilDelivered(b, channel, [bea]);
    await askRedis(redis.port, "FLUSHALL");
    await sleep(1_500);
    const stopping = a.stop();
    await Promise.all([ada.closed, ann.closed]);
    const back = await join(b, "ada");
    assert.deepEqual(await stopping, { code: 0, signal: null });
    await bea.until("ann to leave", () => bea.changes(channel).includes("-ann"), 10_000);
    await untilDelivered(b, channel, [bea, back]);
    assert.deepEqual(bea.changes(channel), ["-ann"]);
    assert.deepEqual(back.members(channel), ["ada", "bea"]);
    assert.deepEqual((await join(b, "carl")).members(channel), ["ada", "bea", "carl"]);
  });

  test("O04: SIGTERM of the only node: its clients come back after a second, to its successor", async () => {
    const node = await scope.node(env);
    const ada = await join(node, "ada");
    await until("it to be alone", async () => (await node.metric("pogo_cluster_nodes")) === 1);
    const stopping = node.stop();
    assert.equal(await ada.closed, 4100);
    assert.deepEqual(await stopping, { code: 0, signal: null });
    const successor = await scope.node(env);
    assert.deepEqual((await join(successor, "ada")).members(channel), ["ada"]);
  });
});

/** Whoever came to the wrong worker is on the way out. */
function untilConnections(api: Api, count: number): Promise<boolean> {
  return until(`${count} connections`, async () => (await api.connections()) === count);
}

/** What a client was told of its watchlist. */
function statuses(client: Client): string[] {
  return client.received
    .filter(({ event }) => event === "pusher_internal:watchlist_events")
    .flatMap(({ data }) => (data as { events: { name: string }[] }).events)
    .map(({ name }) => name);
}
