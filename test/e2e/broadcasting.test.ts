/** Laravel broadcasting through the sidecar with stock parts: Echo, pusher-js, the reverb driver, Laravel's signatures. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import PusherServer from "pusher";
import { startChild } from "../../sidecar/testing/child.ts";
import { openEchoPage, refused, subscribed } from "./support/echo-page.ts";
import type { EchoPage } from "./support/echo-page.ts";
import { httpClient } from "./support/http-client.ts";
import type { HttpClient } from "./support/http-client.ts";
import { inbox } from "./support/inbox.ts";
import { readMetric } from "./support/metrics.ts";
import { laravelReleases, startLaravel } from "./support/laravel.ts";
import type { LaravelRelease } from "./support/laravel.ts";
import { needsLaravel } from "./support/needs.ts";
import { broadcast, startStack } from "./support/stack.ts";
import type { Stack } from "./support/stack.ts";

interface Text {
  readonly text: string;
}
interface Member {
  readonly id: number;
  readonly name: string;
}

const ada: Member = { id: 1, name: "Ada" };
const grace: Member = { id: 2, name: "Grace" };

for (const release of laravelReleases) {
  const title = `broadcasting, each channel signed by Laravel ${release.major}`;
  describe(title, { skip: needsLaravel(release) }, () => suite(release));
}

function suite(release: LaravelRelease): void {
  let stack: Stack;
  let server: PusherServer;
  const pages: EchoPage[] = [];

  before(async () => {
    stack = await startStack({}, { release });
    const { id: appId, key, secret } = stack.app;
    const { port } = stack.sidecar;
    server = new PusherServer({ appId, key, secret, host: "127.0.0.1", port: String(port) });
  });
  afterEach(() => {
    for (const page of pages.splice(0)) page.leave();
  });
  after(() => stack?.stop());

  /** A tab of the user's, or of a guest's. */
  const open = async (userId?: number, session?: HttpClient) => {
    const visitor = session ?? (await stack.visitor(userId));
    const page = openEchoPage({ url: stack.sidecar.url, key: stack.app.key, visitor });
    pages.push(page);
    return { ...page, visitor };
  };

  test("S01, V01: what a route broadcasts reaches everybody on a public channel", async () => {
    const tabs = [await open(), await open(1)] as const;
    const texts = inbox<Text>("MessageSent on news");
    for (const { echo } of tabs) {
      await subscribed(echo.channel("news").listen("MessageSent", texts.take));
    }
    await broadcast(tabs[1].visitor, { kind: "public", channel: "news", text: 'héllo / "you"' });
    assert.deepEqual(await texts.next(), { text: 'héllo / "you"' });
    assert.deepEqual(await texts.next(), { text: 'héllo / "you"' });
  });

  test("S06, Q01: a private channel with Laravel's signature, and no subrequest", async () => {
    const asked = await readMetric(
      stack.sidecar.adminUrl,
      "pogo_websocket_auth_duration_seconds_count",
    );
    const { echo, visitor } = await open(1);
    const texts = inbox<Text>("MessageSent on private-user.1");
    await subscribed(echo.private("user.1").listen("MessageSent", texts.take));
    await broadcast(visitor, { kind: "private", channel: "user.1", text: "yours" });
    assert.deepEqual(await texts.next(), { text: "yours" });
    assert.equal(
      await readMetric(stack.sidecar.adminUrl, "pogo_websocket_auth_duration_seconds_count"),
      asked,
    );
  });

  test("S06: a channel whose parameter is typed", async () => {
    const { echo, visitor } = await open(2);
    const texts = inbox<Text>("MessageSent on private-orders.5");
    await subscribed(echo.private("orders.5").listen("MessageSent", texts.take));
    await broadcast(visitor, { kind: "private", channel: "orders.5", text: "shipped" });
    assert.deepEqual(await texts.next(), { text: "shipped" });
  });

  test("S12: an encrypted channel, which only Laravel and the page can read", async () => {
    const { echo, pusher, visitor } = await open(1);
    const texts = inbox<Text>("MessageSent on private-encrypted-user.1");
    const raw = inbox<{ channel?: string; event: string; data: object }>("its message");
    await subscribed(echo.encryptedPrivate("user.1").listen("MessageSent", texts.take));
    pusher.connection.bind("message", raw.take);
    await broadcast(visitor, { kind: "encrypted", channel: "user.1", text: "secret" });
    assert.deepEqual(await texts.next(), { text: "secret" });
    assert.deepEqual(Object.keys((await raw.next()).data).toSorted(), ["ciphertext", "nonce"]);
    assert.doesNotMatch(JSON.stringify(raw.all), /secret/);
  });

  test("P01, P03, P06: who is here, who joins, who leaves, and an event to all of them", async () => {
    const first = await open(1);
    const here = inbox<Member[]>("here");
    const joining = inbox<Member>("joining");
    const leaving = inbox<Member>("leaving");
    const texts = inbox<Text>("MessageSent on presence-room.1");
    first.echo
      .join("room.1")
      .here(here.take)
      .joining(joining.take)
      .leaving(leaving.take)
      .listen("MessageSent", texts.take);
    assert.deepEqual(await here.next(), [ada]);

    const second = await open(2);
    const hereToo = inbox<Member[]>("here of the second");
    second.echo.join("room.1").here(hereToo.take).listen("MessageSent", texts.take);
    assert.deepEqual(await hereToo.next(), [ada, grace]);
    assert.deepEqual(await joining.next(), grace);

    await broadcast(second.visitor, { kind: "presence", channel: "room.1", text: "all" });
    assert.deepEqual([await texts.next(), await texts.next()], [{ text: "all" }, { text: "all" }]);

    second.leave();
    assert.deepEqual(await leaving.next(), grace);
  });

  test("P04, P05: a second tab of the same user is not announced, nor its going", async () => {
    const watcher = await open(1);
    const joining = inbox<Member>("joining");
    const leaving = inbox<Member>("leaving");
    const channel = watcher.echo.join("room.2").joining(joining.take).leaving(leaving.take);
    await subscribed(channel);

    const session = await stack.visitor(2);
    for (const tab of [await open(2, session), await open(2, session)]) {
      await subscribed(tab.echo.join("room.2"));
      tab.leave();
    }
    // One tab after the other: announced twice. Now two at a time.
    assert.deepEqual([await joining.next(), await joining.next()], [grace, grace]);
    assert.deepEqual([await leaving.next(), await leaving.next()], [grace, grace]);

    const tabs = [await open(2, session), await open(2, session)] as const;
    for (const tab of tabs) await subscribed(tab.echo.join("room.2"));
    tabs[0].leave();
    const linus = await open(3);
    await subscribed(linus.echo.join("room.2"));
    tabs[1].leave();
    assert.deepEqual(await leaving.next(), grace);
    assert.deepEqual(
      joining.all.map(({ name }) => name),
      ["Grace", "Grace", "Grace", "Linus"],
    );
    assert.equal(leaving.all.length, 3);
  });

  test("V03: toOthers() leaves out the tab that Echo names in X-Socket-ID", async () => {
    const sender = await open(1);
    const other = await open(1, sender.visitor);
    const atSender = inbox<Text>("MessageSent at the sender");
    const atOther = inbox<Text>("MessageSent at the other tab");
    await subscribed(sender.echo.channel("news").listen("MessageSent", atSender.take));
    await subscribed(other.echo.channel("news").listen("MessageSent", atOther.take));

    const socketId = await sender.connected();
    assert.equal(sender.echo.socketId(), socketId);
    const event = { kind: "public", channel: "news" } as const;
    await broadcast(sender.visitor, { ...event, text: "to others", others: true }, socketId);
    await broadcast(sender.visitor, { ...event, text: "to all" }, socketId);
    assert.deepEqual(await atSender.next(), { text: "to all" });
    assert.deepEqual(await atOther.next(), { text: "to others" });
    assert.deepEqual(await atOther.next(), { text: "to all" });
  });

  test("V01: an anonymous event, and a notification on the user's own channel", async () => {
    const { echo, visitor } = await open(1);
    const texts = inbox<Text>("greetings of user 1");
    const own = echo.private("App.Models.User.1");
    own.listen(".greeting", texts.take).notification(({ text }: Text) => texts.take({ text }));
    await subscribed(own);
    const anonymous = { channel: "App.Models.User.1", text: "no class" };
    assert.equal((await visitor.post("/broadcast/anonymous", anonymous)).status, 200);
    assert.deepEqual(await texts.next(), { text: "no class" });
    assert.equal((await visitor.post("/notify", { text: "notified" })).status, 200);
    assert.deepEqual(await texts.next(), { text: "notified" });
  });

  // Laravel 11 has no ShouldRescue.
  if (release.major >= 12) {
    test("A01: a refused publish is an error of the request, unless the event implements ShouldRescue", async () => {
      // Of an app with another secret: the sidecar answers 401.
      const misconfigured = await startLaravel({
        release,
        sidecarPort: stack.sidecar.port,
        env: { REVERB_APP_SECRET: "another" },
      });
      const visitor = httpClient(misconfigured.url);
      await visitor.login(1);
      const event = { kind: "public", channel: "news", text: "lost" };
      assert.equal((await visitor.post("/broadcast", event)).status, 500);
      assert.equal((await visitor.post("/broadcast", { ...event, rescued: true })).status, 200);
      await misconfigured.stop();
    });
  }

  test("S07: what Laravel refuses reaches Echo's .error() with 403", async () => {
    const { echo } = await open(1);
    for (const { type, status } of await Promise.all([
      refused(echo.private("denied")),
      refused(echo.private("user.2")),
    ])) {
      assert.deepEqual({ type, status }, { type: "AuthError", status: 403 });
    }
    const guest = await open();
    assert.equal((await refused(guest.echo.private("user.1"))).status, 403);
    assert.equal((await refused(guest.echo.join("room.1"))).status, 403);
  });

  test("E01, E02: a whisper reaches the others in the channel, with the sender's id where members are known", async () => {
    const [sender, receiver] = [await open(1), await open(2)];
    const atSender = inbox<object>("a whisper at its sender");
    const atReceiver = inbox<object>("a whisper");
    const userIds = inbox<{ user_id?: string }>("metadata");
    await subscribed(sender.echo.join("room.3").listenForWhisper("typing", atSender.take));
    await subscribed(receiver.echo.join("room.3").listenForWhisper("typing", atReceiver.take));
    receiver.pusher
      .channel("presence-room.3")
      .bind("client-typing", (_data: object, metadata: object) => userIds.take(metadata));

    sender.echo.join("room.3").whisper("typing", { name: "Ada" });
    assert.deepEqual(await atReceiver.next(), { name: "Ada" });
    assert.deepEqual(await userIds.next(), { user_id: "1" });

    await subscribed(sender.echo.private("orders.7").listenForWhisper("typing", atSender.take));
    await subscribed(receiver.echo.private("orders.7").listenForWhisper("typing", atReceiver.take));
    sender.echo.private("orders.7").whisper("typing", { order: 7 });
    assert.deepEqual(await atReceiver.next(), { order: 7 });

    // The receiver answers: the first the sender hears is that, not its own whispers.
    receiver.echo.join("room.3").whisper("typing", { name: "Grace" });
    assert.deepEqual(await atSender.next(), { name: "Grace" });
    assert.equal(atSender.all.length, 1);
  });

  test("S14: after leave() nothing more comes", async () => {
    const { echo, visitor } = await open(1);
    const texts = inbox<Text>("MessageSent");
    await subscribed(echo.private("orders.8").listen("MessageSent", texts.take));
    await subscribed(echo.channel("news").listen("MessageSent", texts.take));
    echo.leave("orders.8");
    await broadcast(visitor, { kind: "private", channel: "orders.8", text: "missed" });
    await broadcast(visitor, { kind: "public", channel: "news", text: "seen" });
    assert.deepEqual(await texts.next(), { text: "seen" });
    assert.equal(texts.all.length, 1);
  });

  test("U01: a user who signed in gets what is sent to the user, in every tab", async () => {
    const session = await stack.visitor(3);
    const greetings = inbox<Text>("greeting");
    for (const { pusher } of [await open(3, session), await open(3, session)]) {
      const signedIn = inbox<object>("signin");
      pusher.bind("pusher:signin_success", signedIn.take);
      pusher.user.bind("greeting", greetings.take);
      pusher.signin();
      await signedIn.next();
    }
    await server.sendToUser("3", "greeting", { text: "Linus only" });
    assert.deepEqual(await greetings.next(), { text: "Linus only" });
    assert.deepEqual(await greetings.next(), { text: "Linus only" });
  });

  test("V02, B01, G01, G04, G07: the Node SDK publishes and asks", async () => {
    const { echo } = await open(1);
    const [one, two] = [inbox<Text>("one"), inbox<Text>("two")];
    await subscribed(echo.channel("sdk-1").listen(".greeting", one.take));
    await subscribed(echo.channel("sdk-2").listen(".greeting", two.take));
    await subscribed(echo.join("room.4"));

    const triggered = await server.trigger(["sdk-1", "sdk-2"], "greeting", { text: "both" });
    assert.deepEqual(await triggered.json(), {});
    const batch = await server.triggerBatch([
      { channel: "sdk-1", name: "greeting", data: { text: "first" } },
      { channel: "sdk-2", name: "greeting", data: { text: "second" } },
    ]);
    assert.deepEqual(await batch.json(), {});
    assert.deepEqual([await one.next(), await one.next()], [{ text: "both" }, { text: "first" }]);
    assert.deepEqual([await two.next(), await two.next()], [{ text: "both" }, { text: "second" }]);

    const ask = async (path: string, params = {}) => (await server.get({ path, params })).json();
    assert.deepEqual(
      await ask("/channels", { filter_by_prefix: "presence-", info: "user_count" }),
      {
        channels: { "presence-room.4": { user_count: 1 } },
      },
    );
    assert.deepEqual(await ask("/channels/sdk-1", { info: "subscription_count" }), {
      occupied: true,
      subscription_count: 1,
    });
    assert.deepEqual(await ask("/channels/presence-room.4/users"), { users: [{ id: "1" }] });
  });

  test("T01: terminating a user ends all tabs of this user for good, and nobody else's", async () => {
    const session = await stack.visitor(2);
    const mine = [await open(2, session), await open(2, session)];
    const other = await open(1);
    const leaving = inbox<Member>("leaving");
    await subscribed(other.echo.join("room.5").leaving(leaving.take));
    const states = inbox<string>("a state of the connection");
    for (const { echo, pusher } of mine) {
      await subscribed(echo.join("room.5"));
      pusher.connection.bind("disconnected", () => states.take("disconnected"));
    }
    await server.terminateUserConnections("2");
    // pusher-js does not come back after a 4009.
    assert.deepEqual([await states.next(), await states.next()], ["disconnected", "disconnected"]);
    assert.deepEqual(await leaving.next(), grace);
    assert.equal(other.pusher.connection.state, "connected");
    assert.equal(leaving.all.length, 1);
  });

  test("A01: a publisher with another secret is refused", async () => {
    const { id: appId, key } = stack.app;
    const { port } = stack.sidecar;
    const other = new PusherServer({
      appId,
      key,
      secret: "another",
      host: "127.0.0.1",
      port: String(port),
    });
    await assert.rejects(other.trigger("news", "greeting", {}), { status: 401 });
  });

  test("V01, V04, V05, B01, G01, G03, G04, G07, T03: the PHP SDK takes every answer", async () => {
    const { echo } = await open(2);
    const greetings = inbox<Text>("greeting");
    await subscribed(echo.channel("news").listen(".greeting", greetings.take));
    await subscribed(echo.join("room.1"));
    const { id, key, secret } = stack.app;
    const php = startChild(
      "php",
      [join(import.meta.dirname, "support/php-sdk.php"), `${stack.sidecar.port}`, id, key, secret],
      { cwd: import.meta.dirname, env: {} },
    );
    assert.equal((await php.exited).code, 0, php.lines.join("\n"));
    assert.deepEqual(JSON.parse(php.lines.join("")), {
      trigger: {
        channels: { news: { subscription_count: 1 }, "presence-room.1": { user_count: 1 } },
      },
      triggerBatch: {},
      getChannels: { channels: { "presence-room.1": { user_count: 1 } } },
      getChannelInfo: { occupied: true, subscription_count: 1 },
      getPresenceUsers: { users: [{ id: "2" }] },
      nobody: { channels: [] }, // `{}` on the wire, which the SDK makes an array of
      sendToUser: {},
      terminateUserConnections: {},
    });
    assert.deepEqual(
      [await greetings.next(), await greetings.next(), await greetings.next()],
      [{ text: 'héllo / "PHP"' }, { text: "one" }, { text: "two" }],
    );
  });
}
