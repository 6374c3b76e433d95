/** What a server has to be able to do, one row each; what comes of it is seen by the strict native client. */

import assert from "node:assert/strict";
import type { Inbox } from "../support/inbox.ts";
import type { Client, Person } from "./client.ts";
import type { Server, WebhookRequest } from "./server.ts";
import { within } from "../../../sidecar/testing/eventually.ts";

export interface ServerPlay {
  readonly server: Server;
  readonly webhooks: Inbox<WebhookRequest>;
  /** For the names of channels: the cells have the same users, but not the same channels. */
  readonly cell: number;
  /** Opens a client of that user, whose channels and signin the server signs. */
  open(person: Person): Client;
}

export interface ServerFeature {
  readonly title: string;
  /** The clients are told of errors on the way, which it asserts itself. Else there must be none. */
  readonly hasErrors?: true;
  readonly check: (play: ServerPlay) => Promise<void>;
}

/** Users, and below channels, that the Laravel app has, too. */
const ada: Person = { id: "1", name: "Ada" };
const grace: Person = { id: "2", name: "Grace" };

export const serverFeatures = {
  publish: {
    title: "publishes",
    check: (play) => checkPublish(play, `news-${play.cell}`),
  },
  toMany: {
    title: "publishes to several channels at once",
    check: async (play) => {
      const { server, cell } = play;
      const client = play.open(ada);
      const names = [`news-${cell}`, `private-orders.${cell}`];
      const events = await Promise.all(names.map((name) => eventsOn(client, name, server)));
      await server.publishToMany(names, "both");
      for (const atChannel of events) assert.deepEqual(await atChannel.next(), { text: "both" });
    },
  },
  batch: {
    title: "publishes a batch",
    check: async (play) => {
      const { server, cell } = play;
      const channel = `news-${cell}`;
      const events = await eventsOn(play.open(ada), channel, server);
      await server.publishBatch([
        { channel, text: "first" },
        { channel: `other-${cell}`, text: "unseen" },
        { channel, text: "second" },
      ]);
      assert.deepEqual(await events.next(), { text: "first" });
      assert.deepEqual(await events.next(), { text: "second" });
    },
  },
  cache: {
    title: "publishes to cache channels",
    check: async (play) => {
      const { server, cell } = play;
      for (const name of [`cache-score-${cell}`, `private-cache-orders.${cell}`]) {
        const early = play.open(ada).channel(name);
        await early.subscribed();
        await early.cacheMisses.next();
        await server.publish({ channel: name, text: "0:1" });
        await server.publish({ channel: name, text: "1:1" });
        const late = play.open(grace).channel(name);
        assert.deepEqual(await late.events(server.eventName).next(), { text: "1:1" });
      }
    },
  },
  except: {
    title: "leaves out a connection (`toOthers()`)",
    check: async (play) => {
      const { server, cell } = play;
      const channel = `news-${cell}`;
      const [sender, other] = [play.open(ada), play.open(grace)];
      const except = await sender.connected();
      const atSender = await eventsOn(sender, channel, server);
      const atOther = await eventsOn(other, channel, server);
      await server.publish({ channel, text: "to others", except });
      await server.publish({ channel, text: "to all" });
      assert.deepEqual(await atSender.next(), { text: "to all" });
      assert.deepEqual(await atOther.next(), { text: "to others" });
      assert.deepEqual(await atOther.next(), { text: "to all" });
    },
  },
  private: {
    title: "signs private channels",
    check: (play) => checkPublish(play, `private-orders.${play.cell}`),
  },
  presence: {
    title: "signs presence channels",
    check: async (play) => {
      const first = play.open(ada).channel(`presence-room.${play.cell}`);
      assert.deepEqual(
        (await first.here.next()).map(({ name }) => name),
        ["Ada"],
      );
      const second = play.open(grace).channel(`presence-room.${play.cell}`);
      assert.deepEqual(
        (await second.here.next()).map(({ name }) => name),
        ["Ada", "Grace"],
      );
      assert.equal((await first.joined.next()).name, "Grace");
    },
  },
  encrypted: {
    title: "encrypts, and hands out the key",
    check: (play) => checkPublish(play, `private-encrypted-orders.${play.cell}`),
  },
  signin: {
    title: "signs users in",
    check: async (play) => {
      assert.equal(await play.open(ada).signIn(), "1");
    },
  },
  channels: {
    title: "lists channels",
    check: async (play) => {
      assert.deepEqual(await play.server.presenceChannels(`presence-room.${play.cell}`), {});
      await play.open(ada).channel(`presence-room.${play.cell}`).subscribed();
      await play.open(grace).channel(`presence-room.${play.cell}`).subscribed();
      await play.open(ada).channel(`presence-other.${play.cell}`).subscribed();
      assert.deepEqual(await play.server.presenceChannels(`presence-room.${play.cell}`), {
        [`presence-room.${play.cell}`]: { user_count: 2 },
      });
    },
  },
  channelInfo: {
    title: "asks about a channel",
    check: async (play) => {
      await play.open(ada).channel(`news-${play.cell}`).subscribed();
      const info = await play.server.channelInfo(`news-${play.cell}`);
      assert.deepEqual(info, { occupied: true, subscription_count: 1 });
      assert.equal((await play.server.channelInfo(`vacant-${play.cell}`)).occupied, false);
    },
  },
  users: {
    title: "lists the users of a presence channel",
    check: async (play) => {
      for (const person of [ada, ada, grace]) {
        await play.open(person).channel(`presence-room.${play.cell}`).subscribed();
      }
      assert.deepEqual((await play.server.users(`presence-room.${play.cell}`)).toSorted(), [
        "1",
        "2",
      ]);
    },
  },
  sendToUser: {
    title: "sends to a user",
    check: async (play) => {
      const [client, other] = [play.open(ada), play.open(grace)];
      const [events, others] = [client, other].map((one) => one.userEvents(play.server.eventName));
      await client.signIn();
      await other.signIn();
      await play.server.sendToUser("1", "Ada only");
      await play.server.sendToUser("2", "Grace only");
      assert.deepEqual(await events?.next(), { text: "Ada only" });
      assert.deepEqual(await others?.next(), { text: "Grace only" });
    },
  },
  terminate: {
    title: "terminates a user's connections",
    hasErrors: true,
    check: async (play) => {
      const [client, other] = [play.open(ada), play.open(grace)];
      await client.signIn();
      await other.signIn();
      await play.server.terminate("1");
      assert.equal((await client.errors.next()).code, 4009);
      await within("the end", client.gaveUp());
      await other.channel(`news-${play.cell}`).subscribed();
      assert.deepEqual(other.errors.all, []);
    },
  },
  terminateOdd: {
    title: "terminates a user whose id is `auth0\\|12`, `jürgen`, `a b` or an emoji",
    hasErrors: true,
    check: async (play) => {
      for (const id of ["auth0|12", "jürgen", "a b", "😀"]) {
        const client = play.open({ id, name: "Odd" });
        await client.signIn();
        await play.server.terminate(id);
        assert.equal((await client.errors.next()).code, 4009);
        await within("the end", client.gaveUp());
      }
    },
  },
  webhook: {
    title: "takes webhooks (`webhook()`), and no forged ones",
    check: async ({ server, webhooks, cell, open }) => {
      const channel = `occupied-${cell}`;
      await open(ada).channel(channel).subscribed();
      const request = await webhooks.next();
      assert.deepEqual(await server.webhook(request), [{ name: "channel_occupied", channel }]);
      const forged = { ...request, body: request.body.replace(channel, "occupied-000") };
      await assert.rejects(() => server.webhook(forged), /invalid signature/);
    },
  },
} as const satisfies Readonly<Record<string, ServerFeature>>;

export type ServerFeatureId = keyof typeof serverFeatures;

async function checkPublish({ server, open }: ServerPlay, channel: string): Promise<void> {
  const events = await eventsOn(open(ada), channel, server);
  const text = 'héllo / "you"';
  await server.publish({ channel, text });
  assert.deepEqual(await events.next(), { text });
}

/** Subscribes, and takes the server's events from then on. */
async function eventsOn(
  client: Client,
  name: string,
  { eventName }: Server,
): Promise<Inbox<unknown>> {
  const channel = client.channel(name);
  const events = channel.events(eventName);
  await channel.subscribed();
  return events;
}
