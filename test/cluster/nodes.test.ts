/** What one node does, several do together: rows N01–N09, over every way in which Redis is run. */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { needsRedis } from "../../sidecar/testing/redis/redis-needs.ts";
import type { Message } from "../kit/client.ts";
import {
  createScope,
  deployments,
  eventsOf,
  startTwo,
  untilDelivered,
  type Deployment,
} from "./support/cluster.ts";
import type { ClusterNode } from "./support/node.ts";
import { startWebhooks, type Webhooks } from "./support/webhooks.ts";
import { until } from "../../sidecar/testing/eventually.ts";

const graceMs = 1_000;

const settings = [
  ...Object.entries(deployments).map(([name, start]) => ({ kind: "nodes", name, start }) as const),
  { kind: "workers", name: "one Redis", start: deployments["one Redis"] } as const,
];

for (const { kind, name, start } of settings) {
  describe(`two ${kind} on ${name}`, { skip: needsRedis() }, () => {
    const stage = createScope();
    const clients = createScope();
    let a: ClusterNode;
    let b: ClusterNode;
    let webhooks: Webhooks;
    let deployed: Deployment;

    before(async () => {
      webhooks = await startWebhooks(stage);
      deployed = await start(stage);
      const env = {
        ...deployed.env,
        POGO_SUBSCRIPTION_COUNT: "true",
        POGO_WEBHOOK_URL: webhooks.url,
        POGO_WEBHOOK_GRACE: `${graceMs}ms`,
      };
      [a, b] = await startTwo(kind, stage, env);
    });
    after(() => stage.end());
    afterEach(() => clients.end());

    const connect = async () => Promise.all([clients.client(a), clients.client(b)]);
    const bothNodes = () => [a, b];

    test("N01: an event posted to A reaches the subscribers of A and B once", async () => {
      const [ada, bea] = await connect();
      await Promise.all([ada.subscribe("n01"), bea.subscribe("n01")]);
      for (const { api } of bothNodes()) {
        assert.equal((await api.publish("n01", "x")).status, 200);
      }
      await untilDelivered(a, "n01", [ada, bea]);
      for (const client of [ada, bea]) assert.deepEqual(eventsOf(client, "n01"), ["x", "x"]);
    });

    test("N01: an event for several channels reaches each once, in the order of its publishes", async () => {
      const [ada, bea] = await connect();
      await Promise.all([ada.subscribe("n01-a"), bea.subscribe("n01-a"), bea.subscribe("n01-b")]);
      for (let i = 0; i < 50; i++) {
        const channels = i % 2 === 0 ? ["n01-a", "n01-b"] : ["n01-a"];
        assert.equal((await a.api.publish(channels, String(i))).status, 200);
      }
      await untilDelivered(a, "n01-b", [bea]);
      await untilDelivered(a, "n01-a", [ada, bea]);
      const all = Array.from({ length: 50 }, (_, i) => String(i));
      assert.deepEqual(eventsOf(ada, "n01-a"), all);
      assert.deepEqual(eventsOf(bea, "n01-a"), all);
      assert.deepEqual(
        eventsOf(bea, "n01-b"),
        all.filter((i) => Number(i) % 2 === 0),
      );
    });

    test("N02: toOthers() leaves out a connection of the other node too", async () => {
      const [ada, bea] = await connect();
      await Promise.all([ada.subscribe("n02"), bea.subscribe("n02")]);
      await a.api.publish("n02", "x", { socketId: bea.socketId });
      await untilDelivered(a, "n02", [ada, bea]);
      assert.deepEqual(eventsOf(ada, "n02"), ["x"]);
      assert.deepEqual(eventsOf(bea, "n02"), []);
    });

    test("N03: a whisper crosses, with its sender's user, and its sender has no echo", async () => {
      const [ada, bea] = await connect();
      await Promise.all([ada.join("presence-n03", "ada"), bea.join("presence-n03", "bea")]);
      const tab = await clients.client(a);
      await tab.join("presence-n03", "ada");
      ada.whisper("presence-n03", "psst");
      const isWhisper = ({ event }: Message) => event === "client-whisper";
      for (const client of [tab, bea]) {
        const { data, user_id: userId } = await client.first("the whisper", isWhisper);
        assert.deepEqual([data, userId], [{ id: "psst" }, "ada"]);
      }
      await untilDelivered(a, "presence-n03", [ada, bea, tab]);
      const counts = [ada, bea, tab].map(({ received }) => received.filter(isWhisper).length);
      assert.deepEqual(counts, [0, 1, 1]);
    });

    test("N04: a presence channel has one list, and each user comes and goes once", async () => {
      const channel = "presence-n04";
      const [ada, bea] = await connect();
      await ada.join(channel, "ada");
      await bea.join(channel, "bea");
      assert.deepEqual(bea.members(channel), ["ada", "bea"]);
      const [tab, otherTab] = await connect();
      await tab.join(channel, "cleo");
      await otherTab.join(channel, "cleo");
      assert.deepEqual(otherTab.members(channel), ["ada", "bea", "cleo"]);
      await tab.close();
      await untilDelivered(b, channel, [ada, bea]);
      assert.deepEqual(ada.changes(channel), ["+bea", "+cleo"]);
      assert.deepEqual(bea.changes(channel), ["+cleo"]);
      otherTab.unsubscribe(channel);
      const isGone = ({ event }: Message) => event === "pusher_internal:member_removed";
      await Promise.all([ada.first("cleo to leave", isGone), bea.first("cleo to leave", isGone)]);
      await untilDelivered(b, channel, [ada, bea]);
      for (const client of [ada, bea]) {
        assert.deepEqual(client.members(channel), ["ada", "bea"]);
        assert.deepEqual(client.changes(channel).slice(-2), ["+cleo", "-cleo"]);
      }
    });

    test("N05: channels, counts and connections are the cluster's, on either node", async () => {
      const [ada, bea] = await connect();
      const [tab, silent] = await connect();
      await ada.join("presence-n05", "ada");
      await bea.join("presence-n05", "bea");
      await tab.join("presence-n05", "bea");
      for (const client of [ada, bea, tab]) await client.subscribe("n05");
      await silent.roundTrip();
      for (const { api } of bothNodes()) {
        const byPrefix = { filter_by_prefix: "presence-n05", info: "user_count" };
        assert.deepEqual((await api.get("channels", byPrefix)).json, {
          channels: { "presence-n05": { user_count: 2 } },
        });
        assert.deepEqual((await api.get("channels/n05", { info: "subscription_count" })).json, {
          occupied: true,
          subscription_count: 3,
        });
        assert.deepEqual((await api.get("channels/presence-n05", { info: "user_count" })).json, {
          occupied: true,
          user_count: 2,
        });
        const info = "user_count,subscription_count";
        assert.deepEqual((await api.publish(["n05", "presence-n05"], "x", { info })).json, {
          channels: { n05: { subscription_count: 3 }, "presence-n05": { user_count: 2 } },
        });
        assert.equal(await api.connections(), 3);
      }
      for (const client of [ada, bea, tab]) await client.close();
      for (const { api } of bothNodes()) {
        await until("nobody", async () => (await api.connections()) === 0);
        assert.deepEqual((await api.get("channels/n05")).json, { occupied: false });
        assert.deepEqual((await api.get("channels", { filter_by_prefix: "n05" })).json, {
          channels: {},
        });
      }
    });

    test("N06, N09: the users of a channel are the same on either node, each once, in an array", async () => {
      const channel = "presence-n06";
      const [ada, bea] = await connect();
      await bea.join(channel, "bea");
      for (const { api } of bothNodes()) {
        assert.deepEqual((await api.get(`channels/${channel}/users`)).json, {
          users: [{ id: "bea" }],
        });
      }
      await ada.join(channel, "bea");
      for (const { api } of bothNodes()) {
        assert.deepEqual((await api.get(`channels/${channel}/users`)).json, {
          users: [{ id: "bea" }],
        });
        assert.equal((await api.get("channels/presence-nobody/users")).status, 404);
      }
    });

    test("N07: terminating a user closes its connections on both nodes, and no others", async () => {
      const channel = "presence-n07";
      const [ada, bea] = await connect();
      const [tab, otherTab] = await connect();
      await Promise.all([ada.join(channel, "ada"), bea.join(channel, "bea")]);
      await tab.join(channel, "bea");
      await otherTab.signIn("bea");
      assert.equal((await a.api.terminate("bea")).status, 200);
      assert.deepEqual(
        await Promise.all([bea.closed, tab.closed, otherTab.closed]),
        [4009, 4009, 4009],
      );
      await ada.until("bea to leave", () => ada.changes(channel).includes("-bea"));
      await untilDelivered(b, channel, [ada]);
      assert.deepEqual(ada.members(channel), ["ada"]);
      assert.deepEqual(
        ada.changes(channel).filter((change) => change === "-bea"),
        ["-bea"],
      );
    });

    test("U01: what is sent to a user reaches its connections on both nodes once", async () => {
      const [ada, bea] = await connect();
      await Promise.all([ada.signIn("uma"), bea.signIn("uma")]);
      const channel = "#server-to-user-uma";
      await a.api.publish(channel, "hello");
      await untilDelivered(b, channel, [ada, bea]);
      for (const client of [ada, bea]) assert.deepEqual(eventsOf(client, channel), ["hello"]);
    });

    test("watchlists: a user is online while signed in on any node, announced once each way", async () => {
      const watcher = await clients.client(a);
      await watcher.signIn("walt", ["vic"]);
      const told = () =>
        watcher.received
          .filter(({ event }) => event === "pusher_internal:watchlist_events")
          .flatMap(({ data }) => (data as { events: { name: string }[] }).events)
          .map(({ name }) => name);
      await watcher.until("who is offline", () => told().length === 1);
      const [tab, otherTab] = await connect();
      await otherTab.signIn("vic");
      await watcher.until("vic online", () => told().length === 2);
      await tab.signIn("vic");
      await otherTab.close();
      // What is sent to the watched user passes where its coming and going passes.
      await untilDelivered(b, "#server-to-user-vic", [tab]);
      await watcher.roundTrip();
      assert.deepEqual(told(), ["offline", "online"]);
      await tab.close();
      await watcher.until("vic offline", () => told().length === 3);
      assert.deepEqual(told(), ["offline", "online", "offline"]);
      const second = await clients.client(b);
      await second.signIn("wilma", ["vic", "walt"]);
      const { data } = await second.first(
        "the watchlist",
        ({ event }) => event === "pusher_internal:watchlist_events",
      );
      assert.deepEqual(data, {
        events: [
          { name: "online", user_ids: ["walt"] },
          { name: "offline", user_ids: ["vic"] },
        ],
      });
    });

    test("subscription counts are of all nodes, and announced on all", async () => {
      const [ada, bea] = await connect();
      await ada.subscribe("counted");
      await bea.subscribe("counted");
      const isTwo = ({ event, data }: Message) =>
        event === "pusher_internal:subscription_count" &&
        (data as { subscription_count: number }).subscription_count === 2;
      await Promise.all([ada.first("two", isTwo), bea.first("two", isTwo)]);
    });

    test("K02: the last event of a cache channel is there on the node that it was not posted to", async () => {
      const [ada, bea] = await connect();
      await ada.subscribe("cache-n");
      await ada.first("a miss", ({ event }) => event === "pusher:cache_miss");
      await a.api.publish("cache-n", "kept");
      await bea.subscribe("cache-n");
      await bea.until("the last event", () => bea.ids("cache-n").includes("kept"));
      const { json } = await b.api.get("channels/cache-n", { info: "cache" });
      assert.deepEqual((json as { cache: { data: unknown } }).cache.data, '{"id":"kept"}');
      await untilDelivered(b, "cache-n", [ada, bea]);
      for (const client of [ada, bea]) assert.deepEqual(eventsOf(client, "cache-n"), ["kept"]);
    });

    test("webhooks: each event is sent once, not once for each node", async () => {
      const channel = "presence-hooks";
      const [ada, bea] = await connect();
      await ada.join(channel, "ada");
      await bea.join(channel, "ada");
      await ada.close();
      await bea.join("presence-hooks-2", "ada");
      await bea.close();
      assert.deepEqual(await webhooks.untilSent(channel, 4), [
        "channel_occupied",
        "member_added ada",
        "member_removed ada",
        "channel_vacated",
      ]);
      const [tab, otherTab] = await connect();
      await tab.signIn("hugo");
      await otherTab.signIn("hugo");
      await tab.close();
      await otherTab.close();
      assert.deepEqual(await webhooks.untilSent("hugo", 2), [
        "user_connected",
        "user_disconnected",
      ]);
    });

    test("webhooks: who goes from A to B within the grace causes no event", async () => {
      const channel = "presence-moves";
      const [ada, bea] = await connect();
      await ada.join(channel, "ada");
      await webhooks.untilSent(channel, 2);
      await ada.close();
      await until("nobody", async () => {
        const { status } = await b.api.get(`channels/${channel}/users`);
        return status === 404;
      });
      await bea.join(channel, "ada");
      // A later end that is told says that the former would have been told by then.
      const other = await clients.client(a);
      await other.subscribe("moves-later");
      await other.close();
      await webhooks.untilSent("moves-later", 2);
      assert.deepEqual(webhooks.about(channel), ["channel_occupied", "member_added ada"]);
    });

    test("N08: without Redis a publish fails and reaches nobody; connections and whispers stay", async () => {
      const [ada, bea] = await connect();
      const tab = await clients.client(a);
      for (const client of [ada, bea, tab]) await client.subscribe("n08");
      await Promise.all(deployed.servers.map((server) => server.kill()));
      await Promise.all(bothNodes().map((node) => node.untilUnready()));
      for (const node of bothNodes()) {
        const { status, text } = await node.api.publish("n08", "x");
        assert.deepEqual([status, text.split(":")[0]], [503, "broker_failed"]);
        assert.equal(await node.status("/livez"), 200);
        assert.equal((await node.api.get("channels")).status, 503);
        assert.equal((await node.api.terminate("ada")).status, 503);
      }
      ada.whisper("n08", "still here");
      await tab.first("the whisper", ({ event }) => event === "client-whisper");
      const late = await clients.client(b);
      await late.subscribe("n08");
      for (const client of [ada, bea, tab, late]) {
        await client.roundTrip();
        assert.deepEqual(eventsOf(client, "n08"), []);
      }
    });
  });
}
