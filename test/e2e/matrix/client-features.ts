/** What a client has to be able to do, one row each; a cell of the matrix is one of these with one client. */

import assert from "node:assert/strict";
import type PusherServer from "pusher";
import type { Identity } from "./auth-app.ts";
import type { Client, ClientOptions, Person } from "./client.ts";
import { within } from "../../../sidecar/testing/eventually.ts";

/** What a cell plays with; nothing of it is shared with another cell. */
export interface Play {
  readonly server: PusherServer;
  /** `name`, for this cell alone: of a channel, or of a user. */
  own(name: string): string;
  /** Opens a client, of somebody without a name if nobody is given. */
  open(who?: Identity, options?: Partial<ClientOptions>): Client;
}

export type ClientFeature = {
  readonly title: string;
  /** The client is told of errors on the way, which it asserts itself. Else there must be none. */
  readonly hasErrors?: true;
} & (
  | { readonly check: (play: Play) => Promise<void> }
  /** Returns what is to be done when the sidecar was stopped and started again. */
  | { readonly acrossRestart: (play: Play) => Promise<() => Promise<void>> }
);

export const clientFeatures = {
  connect: {
    title: "connects",
    check: async (play) => {
      assert.match(await play.open().connected(), /^\d+\.\d+$/);
    },
  },
  unknownKey: {
    title: "gives up on an unknown key (4001)",
    hasErrors: true,
    check: async (play) => {
      const client = play.open(undefined, { key: "no-such-key" });
      assert.equal((await client.errors.next()).code, 4001);
      await within("the end", client.gaveUp());
    },
  },
  public: { title: "public channels", check: (play) => checkChannel(play, "news") },
  private: { title: "private channels", check: (play) => checkChannel(play, "private-orders") },
  refused: {
    title: "is told of a wrong signature (4009, status 403)",
    hasErrors: true,
    check: async (play) => {
      const client = play.open();
      assert.equal(await client.channel(play.own("private-forged")).refused(), 403);
      assert.equal((await client.errors.next()).code, 4009);
      await checkChannel(play, "still-works", client);
    },
  },
  presence: {
    title: "presence channels: who is here, joins, leaves",
    check: async (play) => {
      const [ada, grace] = [person(play, "Ada"), person(play, "Grace")];
      const first = play.open(ada).channel(play.own("presence-room"));
      assert.deepEqual(await first.here.next(), [ada]);
      const second = play.open(grace).channel(play.own("presence-room"));
      assert.deepEqual(await second.here.next(), [ada, grace]);
      assert.deepEqual(await first.joined.next(), grace);
      second.leave();
      assert.deepEqual(await first.left.next(), grace);
      assert.deepEqual(second.joined.all, []);
    },
  },
  encrypted: {
    title: "encrypted channels, decrypted",
    check: (play) => checkChannel(play, "private-encrypted-orders"),
  },
  cache: {
    title: "cache channels: the miss, the last event",
    check: async (play) => {
      for (const name of ["cache-score", "private-cache-score"].map((name) => play.own(name))) {
        const early = play.open().channel(name);
        await early.subscribed();
        await early.cacheMisses.next();
        await play.server.trigger(name, "goal", { score: "0:1" });
        await play.server.trigger(name, "goal", { score: "1:1" });
        const late = play.open().channel(name);
        assert.deepEqual(await late.events("goal").next(), { score: "1:1" });
        assert.deepEqual(late.cacheMisses.all, []);
      }
    },
  },
  clientEvents: {
    title: "client events (whispers)",
    check: async (play) => {
      for (const name of ["private-chat", "presence-chat"].map((name) => play.own(name))) {
        const [one, two] = [play.open(person(play, "Ada")), play.open(person(play, "Grace"))].map(
          (client) => client.channel(name),
        );
        assert(one && two);
        const [atOne, atTwo] = [one.clientEvents("typing"), two.clientEvents("typing")];
        await one.subscribed();
        await two.subscribed();
        one.sendClientEvent("typing", { name: "Ada" });
        assert.deepEqual(await atTwo.next(), { name: "Ada" });
        two.sendClientEvent("typing", { name: "Grace" });
        // The first to come: its own came not.
        assert.deepEqual(await atOne.next(), { name: "Grace" });
      }
    },
  },
  signin: {
    title: "signs in",
    check: async (play) => {
      const ada = person(play, "Ada");
      const client = play.open(ada);
      await client.connected();
      assert.equal(await client.signIn(), ada.id);
      await checkChannel(play, "still-works", client);
    },
  },
  userEvents: {
    title: "events to a user",
    check: async (play) => {
      const ada = person(play, "Ada");
      const tabs = [play.open(ada), play.open(ada)];
      const greetings = tabs.map((tab) => tab.userEvents("greeting"));
      for (const tab of tabs) assert.equal(await tab.signIn(), ada.id);
      await play.server.sendToUser(ada.id, "greeting", { text: "you" });
      for (const greeting of greetings) assert.deepEqual(await greeting.next(), { text: "you" });
      // A second one: the first has not come twice.
      await play.server.sendToUser(ada.id, "greeting", { text: "again" });
      for (const greeting of greetings) assert.deepEqual(await greeting.next(), { text: "again" });
    },
  },
  watchlist: {
    title: "watchlist: who is online",
    check: async (play) => {
      const grace = person(play, "Grace");
      const ada = { ...person(play, "Ada"), watchlist: [grace.id] };
      const watcher = play.open(ada);
      await watcher.signIn();
      assert.equal(await watcher.watchlist.next(), `offline ${grace.id}`);
      const watched = play.open(grace);
      await watched.signIn();
      assert.equal(await watcher.watchlist.next(), `online ${grace.id}`);
      watched.close();
      assert.equal(await watcher.watchlist.next(), `offline ${grace.id}`);
    },
  },
  subscriptionCount: {
    title: "subscription counts",
    check: async (play) => {
      const first = play.open().channel(play.own("counted"));
      assert.equal(await first.subscriptionCounts.next(), 1);
      await play.open().channel(play.own("counted")).subscribed();
      assert.equal(await first.subscriptionCounts.next(), 2);
    },
  },
  terminate: {
    title: "stays away after a terminate (4009)",
    hasErrors: true,
    check: async (play) => {
      const [ada, grace] = [person(play, "Ada"), person(play, "Grace")];
      const [signedIn, present, other] = [play.open(ada), play.open(ada), play.open(grace)];
      await signedIn.signIn();
      await present.channel(play.own("presence-room")).subscribed();
      await play.server.terminateUserConnections(ada.id);
      for (const client of [signedIn, present]) {
        assert.equal((await client.errors.next()).code, 4009);
        await within("the end", client.gaveUp());
      }
      await checkChannel(play, "still-works", other);
      assert.deepEqual(other.errors.all, []);
    },
  },
  restart: {
    title: "comes back by itself after a restart (4100)",
    hasErrors: true,
    acrossRestart: async (play) => {
      const ada = person(play, "Ada");
      const client = play.open(ada);
      const channel = client.channel(play.own("private-orders"));
      const shipped = channel.events("shipped");
      const greetings = client.userEvents("greeting");
      await channel.subscribed();
      await client.signIn();
      const before = await client.connected();
      const { promise: isBack, resolve } = Promise.withResolvers<void>();
      channel.onSubscribed(resolve);

      return async () => {
        await isBack;
        assert.equal((await client.errors.next()).code, 4100);
        assert.notEqual(await client.connected(), before);
        await play.server.trigger(play.own("private-orders"), "shipped", { order: 5 });
        assert.deepEqual(await shipped.next(), { order: 5 });
        // Signed in again, too.
        await client.signedInAgain();
        await play.server.sendToUser(ada.id, "greeting", { text: "you" });
        assert.deepEqual(await greetings.next(), { text: "you" });
      };
    },
  },
} as const satisfies Readonly<Record<string, ClientFeature>>;

export type ClientFeatureId = keyof typeof clientFeatures;

/** Subscribes, publishes with the Node SDK and waits for the event. */
async function checkChannel(play: Play, name: string, client = play.open()): Promise<void> {
  const channel = client.channel(play.own(name));
  const greetings = channel.events("greeting");
  await channel.subscribed();
  await play.server.trigger(play.own(name), "greeting", { text: 'héllo / "you"' });
  assert.deepEqual(await greetings.next(), { text: 'héllo / "you"' });
}

function person(play: Play, name: string): Person {
  return { id: play.own(name.toLowerCase()), name };
}
