import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sign } from "../signature.ts";
import { createRecoveringNode, type RecoveringNode } from "../testing/recovering.ts";

type Client = ReturnType<RecoveringNode["connect"]>;

/** Names of events, in the order in which they came; what else came is left out. */
function events(messages: readonly Record<string, unknown>[]): string[] {
  return messages.map(({ event }) => String(event)).filter((event) => !event.startsWith("pusher"));
}

function subscribed(channel: string): Record<string, unknown> {
  return { event: "pusher_internal:subscription_succeeded", data: "{}", channel };
}

/** As a node does that stops. */
function drain(node: RecoveringNode, client: Client): void {
  node.hub.suspend(client.connection, () => node.hub.disconnect(client.connection, 4200));
}

function cut({ hub }: RecoveringNode, { connection }: Client): void {
  hub.disconnect(connection, 1006);
}

const join = (channel: string) => ({ event: "pusher:subscribe", data: { channel } });

function signin({ socketId }: Client, id: string) {
  const userData = JSON.stringify({ id });
  const text = `${socketId}::user::${userData}`;
  const auth = `app-key:${sign("app-secret", text)}`;
  return { event: "pusher:signin", data: { auth, user_data: userData } };
}

/** A page was closed as by a node that stops, and missed an event. */
async function nodeWithMissedNews(): Promise<RecoveringNode> {
  const node = createRecoveringNode({ mode: "orderly" });
  const before = node.connect({ token: "page" });
  await before.say(join("news"));
  drain(node, before);
  node.publish("news", "one");
  return node;
}

/** A member of a room that reads the news misses one, and is terminated once it is back but before it has asked for anything. */
async function terminatedOnTheWayBack(node: RecoveringNode, before: Client): Promise<Client> {
  await before.subscribe("presence-room", '{"user_id":"ada"}');
  await before.say(join("news"));
  drain(node, before);
  node.publish("news", "one");
  const after = node.connect({ token: "page" });
  node.hub.terminateUser("ada");
  return after;
}

describe("recovery after an orderly close", () => {
  it("Y05: a client is sent what its channel had meanwhile, behind the answer and in order", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    node.publish("news", "one");
    drain(node, before);
    node.publish("news", "two");
    node.publish("other", "none of it");
    node.publish("news", "three");
    const after = node.connect({ token: "page" });
    const answer = await after.say(join("news"));
    assert.deepEqual(answer[0], subscribed("news"));
    assert.deepEqual(answer.slice(1), [
      { event: "two", data: "{}", channel: "news" },
      { event: "three", data: "{}", channel: "news" },
    ]);
    node.publish("news", "four");
    assert.deepEqual(events(after.transport.take()), ["four"]);
  });

  it("Y06: nothing twice: a second subscribe, or a second connection, is sent nothing", async () => {
    const node = await nodeWithMissedNews();
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.say(join("news"))), ["one"]);
    assert.deepEqual(await after.say(join("news")), [subscribed("news")]);
    const other = node.connect({ token: "page" });
    assert.deepEqual(await other.say(join("news")), [subscribed("news")]);
  });

  it("Y05: a node that stops sends nothing more, and answers nothing, once what was received is settled", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    node.hub.suspend(before.connection, () => undefined);
    node.publish("news", "one");
    assert.deepEqual(await before.say(join("late")), []);
    node.hub.disconnect(before.connection, 4200);
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.say(join("news"))), ["one"]);
  });

  describe("who has signed in, while what was missed of its own events is read", () => {
    const own = "#server-to-user-ada";
    async function start() {
      const reading: (() => void)[] = [];
      const readLater = (run: () => void): void => void reading.push(run);
      const node = createRecoveringNode({ mode: "orderly", readLater });
      const before = node.connect({ token: "page" });
      await before.say(signin(before, "ada"));
      drain(node, before);
      node.publish(own, "one");
      const after = node.connect({ token: "page" });
      await after.say(signin(after, "ada"));
      return { node, after, answer: () => reading.splice(0).forEach((done) => done()) };
    }

    it("Y05: and its node stops: it gets nothing more, and its successor each event once", async () => {
      const { node, after, answer } = await start();
      node.hub.suspend(after.connection, () => undefined);
      answer();
      node.publish(own, "two");
      assert.deepEqual(events(after.transport.take()), []);
      node.hub.disconnect(after.connection, 4200);
      const last = node.connect({ token: "page" });
      await last.say(signin(last, "ada"));
      answer();
      assert.deepEqual(events(last.transport.take()), ["one", "two"]);
    });

    it("Y05: and signs in once more: it gets each event once", async () => {
      const { node, after, answer } = await start();
      await after.say(signin(after, "ada"));
      node.publish(own, "two");
      answer();
      node.publish(own, "three");
      assert.deepEqual(events(after.transport.take()), ["one", "two", "three"]);
    });

    for (const [what, code] of [
      ["leaves", 1001],
      ["is terminated", 4009],
    ] as const) {
      it(`Y07: and ${what}: nobody gets anything for it any more`, async () => {
        const { node, after, answer } = await start();
        node.hub.disconnect(after.connection, code);
        answer();
        assert.equal(node.hub.users.connectionsOf("ada"), undefined);
      });
    }

    it("U01: and signs in as somebody else: it gets the events of that user alone", async () => {
      const { node, after, answer } = await start();
      await after.say(signin(after, "bea"));
      answer();
      node.publish(own, "two");
      node.publish("#server-to-user-bea", "three");
      assert.deepEqual(events(after.transport.take()), ["three"]);
      assert.equal(node.hub.users.connectionsOf("ada"), undefined);
    });
  });

  it("Y12: events published while a signin is on its way to all nodes come after its answer, once", async () => {
    const known: (() => void)[] = [];
    const enterLater = (run: () => void): void => void known.push(run);
    const node = createRecoveringNode({ mode: "orderly", enterLater });
    const enter = (): void => known.splice(0).forEach((done) => done());
    const before = node.connect({ token: "page" });
    await before.say(signin(before, "ada"));
    enter();
    drain(node, before);
    node.publish("#server-to-user-ada", "one");
    const after = node.connect({ token: "page" });
    await after.say(signin(after, "ada"));
    node.publish("#server-to-user-ada", "two");
    assert.deepEqual(after.transport.take(), []);
    enter();
    assert.deepEqual(events(after.transport.take()), ["one", "two"]);
  });

  it("Y05: a subscribe or signin that all nodes know of only after the client's node began to stop is not answered", async () => {
    const known: (() => void)[] = [];
    const enterLater = (run: () => void): void => void known.push(run);
    const node = createRecoveringNode({ mode: "orderly", enterLater });
    const page = node.connect({ token: "page" });
    await page.say(signin(page, "ada"));
    await page.say(join("news"));
    await page.subscribe("presence-room", '{"user_id":"ada"}');
    assert.equal(known.length, 3);
    node.hub.suspend(page.connection, () => undefined);
    for (const done of known.splice(0)) done();
    for (const channel of ["#server-to-user-ada", "news", "presence-room"]) {
      node.publish(channel, "one");
    }
    assert.deepEqual(page.transport.take(), []);
    node.hub.disconnect(page.connection, 4200);
    assert.equal(node.hub.channels.size, 0);
  });

  it("Y05: nothing is lost where the node stops while the last session is still asked for", async () => {
    const asked: (() => void)[] = [];
    const node = createRecoveringNode({ mode: "orderly", later: (run) => void asked.push(run) });
    const first = node.connect({ token: "page" });
    await first.say(join("old"));
    asked.shift()?.();
    drain(node, first);
    node.publish("old", "one");

    const second = node.connect({ token: "page" });
    assert.deepEqual(events(await second.say(join("old"))), []);
    await second.say(join("new"));
    drain(node, second);
    node.publish("old", "two");
    node.publish("new", "three");
    // What came by then, it gets behind what it had missed.
    asked.shift()?.();
    assert.deepEqual(events(second.transport.take()), ["one", "two", "three"]);
    assert.equal(second.connection.isOpen, false);
    node.publish("new", "four");

    const third = node.connect({ token: "page" });
    assert.deepEqual(await third.say(join("old")), [subscribed("old")]);
    asked.shift()?.();
    assert.deepEqual(events(await third.say(join("new"))), ["four"]);
  });

  it("Y05: an attempt to connect that was given up takes nothing, whenever that is noticed", async () => {
    for (const code of [1000, 1005, 1006]) {
      for (const isNoticedFirst of [true, false]) {
        const node = await nodeWithMissedNews();
        const givenUp = node.connect({ token: "page" });
        const end = (): void => node.hub.disconnect(givenUp.connection, code);
        if (isNoticedFirst) end();
        const after = node.connect({ token: "page" });
        const answer = await after.say(join("news"));
        if (!isNoticedFirst) end();
        assert.deepEqual(events(answer), ["one"], `${code}, ${isNoticedFirst}`);
      }
    }
  });

  it("Y07: a page that leaves before it came back to anything ends its session", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const watcher = node.connect();
    await watcher.subscribe("presence-room", '{"user_id":"grace"}');
    const before = node.connect({ token: "page" });
    await before.subscribe("presence-room", '{"user_id":"ada"}');
    drain(node, before);
    watcher.transport.take();
    node.hub.disconnect(node.connect({ token: "page" }).connection, 1001);
    node.pass(1_000);
    const left = watcher.transport.take().map(({ event }) => event);
    assert.deepEqual(left, ["pusher_internal:member_removed"]);
  });

  it("Y07: a client that left (1000, 1001), was cut off, or was terminated has no session", async () => {
    for (const code of [1000, 1001, 1005, 1006, 4009, 4100]) {
      const node = createRecoveringNode({ mode: "orderly" });
      const before = node.connect({ token: "page" });
      await before.say(join("news"));
      node.hub.disconnect(before.connection, code);
      node.publish("news", "one");
      const after = node.connect({ token: "page" });
      assert.deepEqual(await after.say(join("news")), [subscribed("news")], String(code));
    }
  });

  it("Y08: without a token, with another one, or past the window it is a new client", async () => {
    const node = createRecoveringNode({ mode: "orderly", windowMs: 60_000 });
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    drain(node, before);
    node.publish("news", "one");
    const other = node.connect({ token: "another" });
    assert.deepEqual(await other.say(join("news")), [subscribed("news")]);
    assert.deepEqual(await node.connect().say(join("news")), [subscribed("news")]);
    node.pass(60_000);
    const late = node.connect({ token: "page" });
    assert.deepEqual(await late.say(join("news")), [subscribed("news")]);
  });

  it("Y08: channels that are not subscribed again within the window are not given anything later", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    drain(node, before);
    const after = node.connect({ token: "page" });
    node.publish("news", "one");
    node.pass(60_000);
    assert.deepEqual(await after.say(join("news")), [subscribed("news")]);
  });

  it("Y08: a channel that was unsubscribed before is not given anything", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    await before.say(join("kept"));
    await before.say({ event: "pusher:unsubscribe", data: { channel: "news" } });
    drain(node, before);
    node.publish("news", "one");
    const after = node.connect({ token: "page" });
    assert.deepEqual(await after.say(join("news")), [subscribed("news")]);
  });

  it("Y09: events that exclude one of the page's own sockets (toOthers) are left out, and so are client events", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const first = node.connect({ token: "page" });
    const whisperer = node.connect();
    await first.say(join("news"));
    await whisperer.say(join("news"));
    drain(node, first);
    const second = node.connect({ token: "page" });
    drain(node, second);
    node.publish("news", "own", first.socketId);
    node.publish("news", "own too", second.socketId);
    node.publish("news", "other's", whisperer.socketId);
    await whisperer.say({ event: "client-typing", channel: "news", data: {} });
    const third = node.connect({ token: "page" });
    assert.deepEqual(events(await third.say(join("news"))), ["other's"]);
  });

  it("Y10: a cache channel is sent what was missed in place of its last event, or nothing", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.say(join("cache-news"));
    node.publish("cache-news", "one");
    drain(node, before);
    const after = node.connect({ token: "page" });
    assert.deepEqual(await after.say(join("cache-news")), [subscribed("cache-news")]);
    drain(node, after);
    node.publish("cache-news", "two");
    node.publish("cache-news", "three");
    const again = node.connect({ token: "page" });
    assert.deepEqual(events(await again.say(join("cache-news"))), ["two", "three"]);
  });

  it("Y11: a private channel is authorized like any other before anything is sent; an encrypted one too", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const channels = ["private-news", "private-encrypted-news"];
    const before = node.connect({ token: "page" });
    for (const channel of channels) await before.subscribe(channel);
    drain(node, before);
    for (const channel of channels) node.publish(channel, "one");
    const after = node.connect({ token: "page" });
    for (const channel of channels) {
      const refused = await after.say({
        event: "pusher:subscribe",
        data: { channel, auth: "app-key:0" },
      });
      assert.deepEqual(events(refused), []);
      assert.deepEqual(events(await after.subscribe(channel)), ["one"]);
    }
  });

  it("Y12: a user's own events follow the signin, and are nobody else's", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.say(signin(before, "ada"));
    await before.say(join("news"));
    drain(node, before);
    node.publish("#server-to-user-ada", "one");
    node.publish("news", "two");
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.say(signin(after, "ada"))), ["one"]);
    node.publish("#server-to-user-ada", "three");
    assert.deepEqual(events(after.transport.take()), ["three"]);
    drain(node, after);
    node.publish("#server-to-user-ada", "four");
    const other = node.connect({ token: "page" });
    assert.deepEqual(events(await other.say(signin(other, "grace"))), []);
    assert.deepEqual(await other.say(join("news")), [subscribed("news")]);
  });

  it("Y13: another member than before gets nothing of the session", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.subscribe("presence-room", '{"user_id":"ada"}');
    await before.say(join("news"));
    drain(node, before);
    node.publish("presence-room", "one");
    node.publish("news", "two");
    const other = node.connect({ token: "page" });
    assert.deepEqual(events(await other.subscribe("presence-room", '{"user_id":"grace"}')), []);
    assert.deepEqual(await other.say(join("news")), [subscribed("news")]);
    const outcomes = node.reports.of("recovery_session").map(({ outcome }) => outcome);
    assert.deepEqual(outcomes, ["kept", "resumed", "refused"]);
  });

  it("Y13: a user who is terminated while away has no session", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.subscribe("presence-room", '{"user_id":"ada"}');
    drain(node, before);
    node.hub.terminateUser("ada");
    node.publish("presence-room", "one");
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.subscribe("presence-room", '{"user_id":"ada"}')), []);
  });

  it("Y13: nor has one who is terminated on the way back", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    const after = await terminatedOnTheWayBack(node, before);
    assert.deepEqual(await after.say(join("news")), [subscribed("news")]);
  });

  it("Y13: nor has one who is terminated while its session is on the way from Redis", async () => {
    const asked: (() => void)[] = [];
    const node = createRecoveringNode({ mode: "orderly", later: (run) => void asked.push(run) });
    const before = node.connect({ token: "page" });
    asked.shift()?.();
    const after = await terminatedOnTheWayBack(node, before);
    asked.shift()?.();
    assert.deepEqual(await after.say(join("news")), [subscribed("news")]);
  });

  it("Y13: nor is anything given of it that is being read when its user is terminated", async () => {
    const reading: (() => void)[] = [];
    const readLater = (run: () => void): void => void reading.push(run);
    const node = createRecoveringNode({ mode: "orderly", readLater });
    const before = node.connect({ token: "page" });
    await before.subscribe("presence-room", '{"user_id":"ada"}');
    await before.say(join("news"));
    drain(node, before);
    node.publish("news", "one");
    const after = node.connect({ token: "page" });
    await after.say(join("news"));
    node.hub.terminateUser("ada");
    node.publish("news", "two");
    for (const done of reading.splice(0)) done();
    assert.deepEqual(events(after.transport.take()), ["two"]);
  });

  it("Y13: nor has one who is terminated while away, with a tab of the same cookie that was not signed in", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const cookie = { token: "browser", isOfOnePage: false };
    const [tab, anonymous] = [node.connect(cookie), node.connect(cookie)];
    await tab.say(signin(tab, "7"));
    for (const each of [tab, anonymous]) await each.say(join("news"));
    for (const each of [tab, anonymous]) drain(node, each);
    node.hub.terminateUser("7");
    node.publish("news", "one");
    assert.deepEqual(await node.connect(cookie).say(join("news")), [subscribed("news")]);
  });

  it("Y14: a tab that was away for longer than the window no longer counts, though others of its browser come and go", async () => {
    const node = createRecoveringNode({ mode: "orderly", windowMs: 60_000 });
    const cookie = { token: "browser", isOfOnePage: false };
    const tabs = [node.connect(cookie), node.connect(cookie)];
    for (const tab of tabs) await tab.say(join("news"));
    for (const tab of tabs) drain(node, tab);
    node.publish("news", "one");
    node.pass(40_000);
    const back = node.connect(cookie);
    assert.deepEqual(events(await back.say(join("news"))), ["one"]);
    drain(node, back);
    node.pass(30_000);
    node.publish("news", "two");
    const again = node.connect(cookie);
    assert.deepEqual(events(await again.say(join("news"))), ["two"]);
    assert.deepEqual(await node.connect(cookie).say(join("news")), [subscribed("news")]);
  });

  it("Y13: nor is anything given to a third one, where two users shared a cookie", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const cookie = { token: "browser", isOfOnePage: false };
    const tabs = [node.connect(cookie), node.connect(cookie)];
    for (const [index, tab] of tabs.entries()) {
      await tab.say(signin(tab, ["ada", "bea"][index] ?? ""));
      await tab.subscribe("private-orders");
    }
    for (const tab of tabs) drain(node, tab);
    node.publish("private-orders", "one");
    const other = node.connect(cookie);
    await other.say(signin(other, "cleo"));
    assert.deepEqual(events(await other.subscribe("private-orders")), []);
    const outcomes = node.reports.of("recovery_session").map(({ outcome }) => outcome);
    assert.deepEqual(outcomes, ["kept", "kept", "ambiguous", "refused"]);
  });

  it("Y13: one of two users who shared a cookie gets gaps: whose a channel was can't be said", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const cookie = { token: "browser", isOfOnePage: false };
    const [ada, bea] = [node.connect(cookie), node.connect(cookie)];
    await ada.say(signin(ada, "ada"));
    await ada.subscribe("private-orders");
    await bea.say(signin(bea, "bea"));
    await bea.subscribe("private-salaries");
    for (const tab of [ada, bea]) drain(node, tab);
    for (const channel of ["private-orders", "private-salaries"]) node.publish(channel, "one");
    const back = node.connect(cookie);
    await back.say(signin(back, "ada"));
    for (const channel of ["private-orders", "private-salaries"]) {
      assert.deepEqual(events(await back.subscribe(channel)), ["pogo:gap"], channel);
    }
  });

  it("Y13: a guest's tab beside the user's leaves the session the user's", async () => {
    for (const order of [0, 1]) {
      const node = createRecoveringNode({ mode: "orderly" });
      const cookie = { token: "browser", isOfOnePage: false };
      const [ada, guest] = [node.connect(cookie), node.connect(cookie)];
      await ada.say(signin(ada, "ada"));
      for (const tab of [ada, guest]) await tab.say(join("news"));
      for (const tab of order === 0 ? [ada, guest] : [guest, ada]) drain(node, tab);
      node.publish("news", "one");
      const back = node.connect(cookie);
      await back.say(signin(back, "ada"));
      assert.deepEqual(events(await back.say(join("news"))), ["one"]);
      const other = node.connect(cookie);
      await other.say(signin(other, "bea"));
      assert.deepEqual(await other.say(join("news")), [subscribed("news")]);
    }
  });

  it("Y14: tabs that share a cookie get what came behind the later position, or a gap where they differ", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const cookie = { token: "browser", isOfOnePage: false };
    const tabs = [node.connect(cookie), node.connect(cookie)];
    for (const tab of tabs) {
      await tab.say(join("same"));
      await tab.say(join("differs"));
    }
    for (const tab of tabs) {
      drain(node, tab);
      node.publish("differs", "between");
    }
    node.publish("same", "one");
    for (let i = 0; i < 2; i++) {
      const tab = node.connect(cookie);
      assert.deepEqual(events(await tab.say(join("same"))), ["one"]);
      assert.deepEqual(events(await tab.say(join("differs"))), ["pogo:gap"]);
    }
    const third = node.connect(cookie);
    assert.deepEqual(await third.say(join("same")), [subscribed("same")]);
    assert.deepEqual(
      node.reports.of("recovery_gap").map(({ reason }) => reason),
      ["ambiguous", "ambiguous"],
    );
  });
});

describe("recovery beyond its bounds", () => {
  const gap = (channel: string, reason: string) => ({
    event: "pogo:gap",
    data: JSON.stringify({ reason }),
    channel,
  });

  async function comeBack(
    node: RecoveringNode,
    missed: number,
  ): Promise<Record<string, unknown>[]> {
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    drain(node, before);
    for (let i = 0; i < missed; i++) node.publish("news", `event-${i}`);
    return (await node.connect({ token: "page" }).say(join("news"))).slice(1);
  }

  it("Y15: with more events or bytes than are kept of a channel it gets pogo:gap and nothing else", async () => {
    const few = createRecoveringNode({ mode: "orderly", maxEvents: 3 });
    assert.equal((await comeBack(few, 3)).length, 3);
    const more = createRecoveringNode({ mode: "orderly", maxEvents: 3 });
    assert.deepEqual(await comeBack(more, 4), [gap("news", "bounds")]);
    const large = createRecoveringNode({ mode: "orderly", maxBytes: 1_000 });
    assert.deepEqual(await comeBack(large, 4), [gap("news", "bounds")]);
    assert.deepEqual(large.reports.of("recovery_gap"), [
      { kind: "recovery_gap", appId: "app-id", socketId: "1.2", channel: "news", reason: "bounds" },
    ]);
  });

  it("Y15: with more events or bytes than are kept of all channels", async () => {
    const few = createRecoveringNode({ mode: "orderly", totalEvents: 3 });
    assert.deepEqual(await comeBack(few, 4), [gap("news", "bounds")]);
    const large = createRecoveringNode({ mode: "orderly", totalBytes: 1_000 });
    assert.deepEqual(await comeBack(large, 4), [gap("news", "bounds")]);
  });

  it("Y15: with more than one client is sent over all its channels; what fits is sent", async () => {
    const node = createRecoveringNode({ mode: "orderly", maxEvents: 3 });
    const before = node.connect({ token: "page" });
    await before.say(join("a"));
    await before.say(join("b"));
    drain(node, before);
    for (const channel of ["a", "b"]) {
      node.publish(channel, "one");
      node.publish(channel, "two");
    }
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.say(join("a"))), ["one", "two"]);
    assert.deepEqual((await after.say(join("b"))).slice(1), [gap("b", "bounds")]);
  });

  it("Y15: with more than finds room in what waits for the client", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    drain(node, before);
    node.publish("news", "one");
    const after = node.connect({ token: "page" });
    after.transport.roomBytes = 10;
    assert.deepEqual((await after.say(join("news"))).slice(1), [gap("news", "bounds")]);
  });

  it("Y15: a client for which frames were dropped gets a gap", async () => {
    const node = createRecoveringNode({ mode: "orderly" });
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    if (before.connection.recovery) before.connection.recovery.isLossy = true;
    drain(node, before);
    const after = node.connect({ token: "page" });
    assert.deepEqual((await after.say(join("news"))).slice(1), [gap("news", "dropped")]);
  });

  it("Y15: a gap on a cache channel is followed by its last event", async () => {
    const node = createRecoveringNode({ mode: "orderly", maxEvents: 1 });
    const before = node.connect({ token: "page" });
    await before.say(join("cache-news"));
    drain(node, before);
    node.publish("cache-news", "one");
    node.publish("cache-news", "two");
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.say(join("cache-news"))), ["pogo:gap", "two"]);
  });

  it("Y16: the oldest sessions give way to more than there may be, by number and by channels", async () => {
    for (const bounds of [{ maxSessions: 2 }, { maxSeats: 2 }]) {
      const node = createRecoveringNode({ mode: "orderly", ...bounds });
      for (const token of ["a", "b", "c"]) {
        const client = node.connect({ token });
        await client.say(join("news"));
        drain(node, client);
      }
      node.publish("news", "one");
      const found: string[][] = [];
      for (const token of ["a", "b", "c"]) {
        found.push(events(await node.connect({ token }).say(join("news"))));
      }
      assert.deepEqual(found, [[], ["one"], ["one"]]);
      assert.equal(node.hub.recovery?.sessionCount, 0);
    }
  });

  it("Y16: nothing is left of those who do not come back", async () => {
    const node = createRecoveringNode({ mode: "all" });
    const client = node.connect({ token: "page" });
    await client.subscribe("presence-room", '{"user_id":"ada"}');
    node.publish("presence-room", "one");
    cut(node, client);
    assert.equal(node.hub.recovery?.sessionCount, 1);
    node.pass(60_000);
    assert.equal(node.hub.recovery?.sessionCount, 0);
    assert.equal(node.hub.isInUse, false);
  });
});

describe("recovery after a cut", () => {
  /** The client answers its pings. */
  function pong(node: RecoveringNode, { connection, transport }: Client): void {
    for (const payload of transport.pings.splice(0)) {
      node.hub.recovery?.acknowledge(connection, payload);
    }
  }

  it("Y17: acknowledged events are not sent again, all others are", async () => {
    const node = createRecoveringNode();
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    pong(node, before);
    node.pass(1_000);
    node.publish("news", "one");
    pong(node, before);
    node.publish("news", "two");
    cut(node, before);
    node.publish("news", "three");
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.say(join("news"))), ["two", "three"]);
  });

  it("Y17: events published before the subscribe are never sent", async () => {
    const node = createRecoveringNode();
    const before = node.connect({ token: "page" });
    node.publish("news", "too early");
    await before.say(join("news"));
    cut(node, before);
    const after = node.connect({ token: "page" });
    assert.deepEqual(await after.say(join("news")), [subscribed("news")]);
  });

  it("Y17: a client cut off before its signin is answered is not sent the user's events", async () => {
    const known: (() => void)[] = [];
    const node = createRecoveringNode({ enterLater: (run) => void known.push(run) });
    const enter = (): void => known.splice(0).forEach((done) => done());
    node.publish("#server-to-user-ada", "too early");
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    enter();
    await before.say(signin(before, "ada"));
    cut(node, before);
    const after = node.connect({ token: "page" });
    await after.say(signin(after, "ada"));
    enter();
    assert.deepEqual(events(after.transport.take()), []);
  });

  it("Y17: a client cut off again before it acknowledged what it was sent is sent it again", async () => {
    const node = createRecoveringNode();
    const first = node.connect({ token: "page" });
    await first.say(join("news"));
    cut(node, first);
    node.publish("news", "one");
    const second = node.connect({ token: "page" });
    assert.deepEqual(events(await second.say(join("news"))), ["one"]);
    cut(node, second);
    const third = node.connect({ token: "page" });
    assert.deepEqual(events(await third.say(join("news"))), ["one"]);
    pong(node, third);
    cut(node, third);
    const fourth = node.connect({ token: "page" });
    assert.deepEqual(await fourth.say(join("news")), [subscribed("news")]);
  });

  for (const { what, end } of [
    {
      what: "once its user is terminated",
      end: (node: RecoveringNode) => node.hub.terminateUser("ada"),
    },
    {
      what: "once another user has signed in",
      end: (_: RecoveringNode, guest: Client) => guest.say(signin(guest, "bea")),
    },
    {
      what: "to another user, though its window is over",
      end: (node: RecoveringNode) => node.pass(60_000),
    },
  ]) {
    it(`Y13: what a page was sent of a session and has not acknowledged is not sent again ${what}`, async () => {
      const node = createRecoveringNode();
      const before = node.connect({ token: "page" });
      await before.say(signin(before, "ada"));
      await before.say(join("news"));
      cut(node, before);
      node.publish("news", "one");
      const guest = node.connect({ token: "page" });
      assert.deepEqual(events(await guest.say(join("news"))), ["one"]);
      await end(node, guest);
      cut(node, guest);
      const after = node.connect({ token: "page" });
      await after.say(signin(after, "bea"));
      assert.deepEqual(await after.say(join("news")), [subscribed("news")]);
    });
  }

  it("Y17: a page with a token that gave a silent line up (1000, no code) comes back, who left (1001) does not", async () => {
    const cases = [
      { code: 1000, isOfOnePage: true, missed: ["one"] },
      { code: 1005, isOfOnePage: true, missed: ["one"] },
      { code: 1001, isOfOnePage: true, missed: [] },
      { code: 1000, isOfOnePage: false, missed: [] },
      { code: 1005, isOfOnePage: false, missed: [] },
      { code: 4009, isOfOnePage: true, missed: [] },
      { code: 4100, isOfOnePage: true, missed: [] },
    ];
    for (const { code, isOfOnePage, missed } of cases) {
      const node = createRecoveringNode();
      const before = node.connect({ token: "page", isOfOnePage });
      await before.subscribe("presence-room", '{"user_id":"ada"}');
      node.hub.disconnect(before.connection, code);
      assert.equal(node.hub.isInUse, false);
      node.publish("presence-room", "one");
      const after = node.connect({ token: "page", isOfOnePage });
      const answer = await after.subscribe("presence-room", '{"user_id":"ada"}');
      assert.deepEqual(events(answer), missed, `${code} ${isOfOnePage}`);
    }
  });

  it("Y18: a ping with a position comes once in a tick, however many channels and events", async () => {
    const node = createRecoveringNode();
    const client = node.connect({ token: "page" });
    const other = node.connect();
    for (const channel of ["a", "b"]) {
      await client.say(join(channel));
      await other.say(join(channel));
    }
    node.pass(1_000);
    client.transport.pings.splice(0);
    for (let i = 0; i < 5; i++) for (const channel of ["a", "b"]) node.publish(channel, "event");
    assert.equal(client.transport.pings.length, 1);
    node.pass(1_000);
    await client.say({ event: "pusher:ping" });
    assert.deepEqual(client.transport.pings, ["2", "11"]);
    assert.deepEqual(other.transport.pings, []);
  });

  it("Y18: a pong that says nothing, or more than was sent, acknowledges nothing", async () => {
    const node = createRecoveringNode();
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    node.publish("news", "one");
    for (const payload of ["", "99", "-1", "1e1", "x", "9".repeat(30)]) {
      node.hub.recovery?.acknowledge(before.connection, payload);
    }
    cut(node, before);
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.say(join("news"))), ["one"]);
  });

  it("Y18: a client that leaves three pings unanswered has received what it was sent", async () => {
    const node = createRecoveringNode();
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    for (const event of ["one", "two", "three"]) {
      node.publish("news", event);
      node.pass(1_000);
    }
    assert.equal(before.transport.pings.length, 3);
    cut(node, before);
    node.publish("news", "four");
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.say(join("news"))), ["four"]);
  });

  it("Y17: a client that answers no more when its node stops has received what it acknowledged", async () => {
    const cases = [
      { answers: true, passMs: 0, missed: ["three"] },
      { answers: false, passMs: 1_000, missed: ["three"] },
      { answers: false, passMs: 2_000, missed: ["two", "three"] },
    ];
    for (const { answers, passMs, missed } of cases) {
      const node = createRecoveringNode();
      const before = node.connect({ token: "page" });
      await before.say(join("news"));
      node.pass(1_000);
      node.publish("news", "one");
      pong(node, before);
      node.pass(1_000);
      node.publish("news", "two");
      if (answers) pong(node, before);
      for (let ms = 0; ms < passMs; ms += 1_000) node.pass(1_000);
      drain(node, before);
      node.publish("news", "three");
      const after = node.connect({ token: "page" });
      assert.deepEqual(
        events(await after.say(join("news"))),
        missed,
        JSON.stringify({ answers, passMs }),
      );
    }
  });

  it("Y18: after dropped frames, only what was acknowledged before counts as received", async () => {
    const node = createRecoveringNode();
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    node.pass(1_000);
    node.publish("news", "one");
    pong(node, before);
    if (before.connection.recovery) before.connection.recovery.isLossy = true;
    node.pass(1_000);
    node.publish("news", "two");
    pong(node, before);
    cut(node, before);
    const after = node.connect({ token: "page" });
    assert.deepEqual(events(await after.say(join("news"))), ["two"]);
  });

  it("Y19: a page that is back while its old connection still seems open ends that one", async () => {
    const node = createRecoveringNode();
    const before = node.connect({ token: "page" });
    await before.say(join("news"));
    node.publish("news", "one");
    const { transport } = before;
    transport.close = (code, reason) => {
      transport.closed = { code, reason };
      node.hub.disconnect(before.connection, code);
    };
    const after = node.connect({ token: "page" });
    assert.equal(before.transport.closed?.code, 4201);
    assert.deepEqual(events(await after.say(join("news"))), ["one"]);
  });

  it("Y19: with two connections at once, the first of them dead, the second gets the missed events", async () => {
    for (const isFoundLater of [false, true]) {
      const asked: (() => void)[] = [];
      const later = (run: () => void): void => (isFoundLater ? void asked.push(run) : run());
      const node = createRecoveringNode({ later });
      const before = node.connect({ token: "page" });
      await before.say(join("news"));
      asked.shift()?.();
      cut(node, before);
      node.publish("news", "one");
      const dead = node.connect({ token: "page" });
      await dead.say(join("other"));
      const live = node.connect({ token: "page" });
      // That the first has ended is noticed only now.
      node.hub.disconnect(dead.connection, 1006);
      const answer = await live.say(join("news"));
      for (const run of asked.splice(0)) run();
      const missed = events([...answer, ...live.transport.take()]);
      assert.deepEqual(missed, ["one"], String(isFoundLater));
      assert.equal(node.hub.recovery?.sessionCount, 0);
    }
  });

  it("Y20: a member who is back within the window has neither left nor joined", async () => {
    const node = createRecoveringNode();
    const watcher = node.connect();
    await watcher.subscribe("presence-room", '{"user_id":"grace"}');
    const before = node.connect({ token: "page" });
    await before.subscribe("presence-room", '{"user_id":"ada"}');
    watcher.transport.take();
    cut(node, before);
    node.pass(30_000);
    const after = node.connect({ token: "page" });
    await after.subscribe("presence-room", '{"user_id":"ada"}');
    node.pass(60_000);
    assert.deepEqual(watcher.transport.take(), []);
    node.hub.disconnect(after.connection, 1001);
    node.pass(1_000);
    const left = watcher.transport.take().map(({ event }) => event);
    assert.deepEqual(left, ["pusher_internal:member_removed"]);
  });

  it("Y20: a member who is not leaves once the window is over, once", async () => {
    const node = createRecoveringNode();
    const watcher = node.connect();
    await watcher.subscribe("presence-room", '{"user_id":"grace"}');
    const before = node.connect({ token: "page" });
    await before.subscribe("presence-room", '{"user_id":"ada"}');
    watcher.transport.take();
    cut(node, before);
    node.pass(59_000);
    assert.deepEqual(watcher.transport.take(), []);
    node.pass(1_000);
    node.pass(1_000);
    const left = watcher.transport.take().map(({ event }) => event);
    assert.deepEqual(left, ["pusher_internal:member_removed"]);
  });
});
