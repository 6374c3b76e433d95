import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Authentication, AuthenticationRequest } from "./ports.ts";
import { sign } from "./signature.ts";
import { createTestNode, errorMessage } from "./testing/doubles.ts";

function signin(socketId: string, userData: string, secret = "app-secret", key = "app-key") {
  const auth = `${key}:${sign(secret, `${socketId}::user::${userData}`)}`;
  return { event: "pusher:signin", data: { auth, user_data: userData } };
}

describe("pusher:signin", () => {
  it("U10: is answered with the user data, verbatim", () => {
    const client = createTestNode().connect();
    const userData = '{"id":"7","user_info":{"name":"Ännchen"}}';
    assert.deepEqual(client.say(signin(client.socketId, userData)), [
      { event: "pusher:signin_success", data: JSON.stringify({ user_data: userData }) },
    ]);
    assert.deepEqual(client.connection.user, {
      id: "7",
      info: { name: "Ännchen" },
      watchlist: [],
    });
  });

  it("U12: a wrong signature, another's, and one of another app are refused; the connection stays", () => {
    const client = createTestNode().connect();
    const userData = '{"id":"7"}';
    for (const message of [
      signin("9.9", userData),
      signin(client.socketId, userData, "wrong"),
      signin(client.socketId, userData, "app-secret", "other"),
    ]) {
      assert.deepEqual(client.say(message), [errorMessage(4009, "Connection is unauthorized")]);
    }
    assert.equal(client.connection.user, null);
    assert.equal(client.transport.closed, null);
  });

  for (const userData of [
    "x",
    "[]",
    "{}",
    '{"id":""}',
    '{"id":null}',
    '{"id":{}}',
    '{"id":1e999}',
  ]) {
    it(`U11: user data ${userData} is answered 4200`, () => {
      const client = createTestNode().connect();
      assert.deepEqual(client.say(signin(client.socketId, userData)), [
        errorMessage(4200, "Invalid message format"),
      ]);
    });
  }

  it("U08: a numeric id is read as its digits, and answered as a string", () => {
    const client = createTestNode().connect();
    const answers = client.say(signin(client.socketId, '{"id":7,"user_info":{"f":1.0}, "x":"ü"}'));
    assert.equal(client.connection.user?.id, "7");
    const userData = '{"id":"7","user_info":{"f":1.0},"x":"ü"}';
    assert.deepEqual(answers, [
      { event: "pusher:signin_success", data: JSON.stringify({ user_data: userData }) },
    ]);
  });

  it("a long numeric id keeps its digits, and so do the numbers of user_info and watchlist", () => {
    const node = createTestNode();
    const client = node.connect();
    const id = "9007199254740993";
    client.say(signin(client.socketId, `{"id":${id},"user_info":{"f":1.0},"watchlist":[${id}]}`));
    assert.equal(client.connection.user?.id, id);
    assert.deepEqual(client.connection.user.watchlist, [id]);
    client.subscribe("presence-room");
    assert.ok(client.transport.texts.at(-1)?.includes(JSON.stringify('{"f":1.0}').slice(1, -1)));
  });

  it("U01: events of a user's own channel reach all connections of that user, and nobody else", () => {
    const node = createTestNode();
    const [one, two, other] = [node.connect(), node.connect(), node.connect()];
    for (const client of [one, two]) client.say(signin(client.socketId, '{"id":"7"}'));
    other.say(signin(other.socketId, '{"id":"8"}'));
    const channel = "#server-to-user-7";
    const event = { appId: "app-id", channel, event: "e", dataJson: '"d"' };
    assert.equal(node.hub.broadcast(event), 2);
    assert.deepEqual(one.transport.take(), [{ event: "e", channel, data: "d" }]);
    assert.deepEqual(two.transport.take().length, 1);
    assert.deepEqual(other.transport.take(), []);
    two.disconnect();
    assert.equal(node.hub.broadcast(event), 1);
  });

  it("U02: who signs in as another user no longer hears of the first", () => {
    const node = createTestNode();
    const client = node.connect();
    client.say(signin(client.socketId, '{"id":"7"}'));
    client.say(signin(client.socketId, '{"id":"8"}'));
    const event = { appId: "app-id", event: "e", dataJson: '"d"' };
    assert.equal(node.hub.broadcast({ ...event, channel: "#server-to-user-7" }), 0);
    assert.equal(node.hub.broadcast({ ...event, channel: "#server-to-user-8" }), 1);
    assert.equal(node.hub.terminateUser("7"), 0);
    assert.equal(node.hub.terminateUser("8"), 1);
  });

  it("U07: who signed in may subscribe to the user's own channel, and gets its events once", () => {
    const node = createTestNode();
    const client = node.connect();
    const channel = "#server-to-user-7";
    const subscribe = { event: "pusher:subscribe", data: { auth: "", channel } };
    client.say(signin(client.socketId, '{"id":"7"}'));
    assert.deepEqual(client.say(subscribe), [
      { event: "pusher_internal:subscription_succeeded", data: "{}", channel },
    ]);
    assert.equal(node.hub.channelCount, 0);
    const event = { appId: "app-id", channel, event: "e", dataJson: '"d"' };
    assert.equal(node.hub.broadcast(event), 1);
    assert.deepEqual(client.transport.take(), [{ event: "e", channel, data: "d" }]);
  });

  it("U07: nobody else may: not another user, not who signs in as another, nobody without a signin", () => {
    const node = createTestNode();
    const [guest, other, former] = [node.connect(), node.connect(), node.connect()];
    other.say(signin(other.socketId, '{"id":"70"}'));
    former.say(signin(former.socketId, '{"id":"7"}'));
    former.say(signin(former.socketId, '{"id":"8"}'));
    const subscribe = { event: "pusher:subscribe", data: { channel: "#server-to-user-7" } };
    for (const client of [guest, other, former]) {
      const [error, named] = client.say(subscribe);
      assert.deepEqual(error, errorMessage(4200, "Invalid channel name"));
      assert.equal(named?.["event"], "pusher:subscription_error");
    }
  });
});

describe("watchlists", () => {
  function watchlistEvents(events: { name: string; user_ids: string[] }[]) {
    return { event: "pusher_internal:watchlist_events", data: JSON.stringify({ events }) };
  }

  it("U03: who signs in with a watchlist is told who of it is online and who is not", () => {
    const node = createTestNode();
    const bob = node.connect();
    bob.say(signin(bob.socketId, '{"id":"bob"}'));
    const ann = node.connect();
    const [, events] = ann.say(
      signin(ann.socketId, '{"id":"ann","watchlist":["bob","cid","bob"]}'),
    );
    assert.deepEqual(
      events,
      watchlistEvents([
        { name: "online", user_ids: ["bob"] },
        { name: "offline", user_ids: ["cid"] },
      ]),
    );
  });

  it("U04: and from then on when one comes with the first connection, or goes with the last", () => {
    const node = createTestNode();
    const ann = node.connect();
    ann.say(signin(ann.socketId, '{"id":"ann","watchlist":["bob"]}'));
    const [one, two] = [node.connect(), node.connect()];
    for (const client of [one, two]) client.say(signin(client.socketId, '{"id":"bob"}'));
    assert.deepEqual(ann.transport.take(), [
      watchlistEvents([{ name: "online", user_ids: ["bob"] }]),
    ]);
    one.disconnect();
    assert.deepEqual(ann.transport.take(), []);
    two.disconnect();
    assert.deepEqual(ann.transport.take(), [
      watchlistEvents([{ name: "offline", user_ids: ["bob"] }]),
    ]);
    ann.disconnect();
    const bob = node.connect();
    bob.say(signin(bob.socketId, '{"id":"bob"}'));
    assert.deepEqual(ann.transport.take(), [], "who has left watches nobody");
  });

  it("U04: signing in again as the same user is neither a coming nor a going, and takes the new watchlist", () => {
    const node = createTestNode();
    const ann = node.connect();
    ann.say(signin(ann.socketId, '{"id":"ann","watchlist":["bob","cid"]}'));
    const [bob, cid, dan] = [node.connect(), node.connect(), node.connect()];
    bob.say(signin(bob.socketId, '{"id":"bob"}'));
    ann.transport.take();
    node.told.splice(0);
    bob.say(signin(bob.socketId, '{"id":"bob","user_info":{"n":"B"}}'));
    ann.say(signin(ann.socketId, '{"id":"ann","watchlist":["bob","dan"]}'));
    assert.deepEqual(node.told, []);
    assert.deepEqual(bob.connection.user?.info, { n: "B" });
    cid.say(signin(cid.socketId, '{"id":"cid"}'));
    assert.deepEqual(ann.transport.take(), []);
    dan.say(signin(dan.socketId, '{"id":"dan"}'));
    assert.deepEqual(ann.transport.take(), [
      watchlistEvents([{ name: "online", user_ids: ["dan"] }]),
    ]);
  });

  it("U05: of more than 100 users is refused", () => {
    const node = createTestNode();
    const client = node.connect();
    const watchlist = Array.from({ length: 101 }, (_, index) => String(index));
    const long = JSON.stringify({ id: "1", watchlist });
    assert.deepEqual(client.say(signin(client.socketId, long)), [
      errorMessage(4305, "Watchlist has more than 100 users"),
    ]);
    assert.equal(client.connection.user, null);
    const just = JSON.stringify({ id: "1", watchlist: watchlist.slice(1) });
    assert.equal(client.say(signin(client.socketId, just)).length, 2);
  });

  it("what is no id in it is left out", () => {
    const node = createTestNode();
    const client = node.connect();
    client.say(signin(client.socketId, '{"id":"1","watchlist":[null,{},"",7,"8"]}'));
    assert.deepEqual(client.connection.user?.watchlist, ["7", "8"]);
  });
});

describe("pusher:signin without a signature", () => {
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const unsigned = { event: "pusher:signin", data: {} };

  function createAsked() {
    const asked: { request: AuthenticationRequest; answer: (result: Authentication) => void }[] =
      [];
    const node = createTestNode({
      authorizer: {
        authenticate: (request) =>
          new Promise((resolve) => void asked.push({ request, answer: resolve })),
      },
    });
    return { node, asked };
  }

  it("U06: the app is asked, once at a time, and its user data is the answer", async () => {
    const { node, asked } = createAsked();
    const client = node.connect();
    assert.deepEqual(client.say(unsigned), []);
    client.say(unsigned);
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.request.socketId, client.socketId);
    asked[0]?.answer({ ok: true, auth: "…", userData: '{"id":"7"}' });
    await settle();
    assert.deepEqual(client.transport.take(), [
      {
        event: "pusher:signin_success",
        data: JSON.stringify({ user_data: '{"id":"7"}' }),
      },
    ]);
    assert.equal(client.connection.user?.id, "7");
  });

  it("U13: a bearer token in place of the signature is what the app is asked with", async () => {
    const { node, asked } = createAsked();
    const client = node.connect();
    client.say(unsigned);
    assert.deepEqual(client.say({ event: "pusher:signin", data: { auth: "Bearer s3cr3t" } }), []);
    assert.deepEqual(
      asked.map(({ request }) => [request.credential, request.signal.aborted]),
      [
        [null, true],
        ["Bearer s3cr3t", false],
      ],
    );
    asked[1]?.answer({ ok: true, auth: "…", userData: '{"id":"7"}' });
    await settle();
    assert.equal(client.connection.user?.id, "7");
  });

  it("U08: a numeric id in its user data is answered as a string too", async () => {
    const { node, asked } = createAsked();
    const client = node.connect();
    client.say(unsigned);
    asked[0]?.answer({ ok: true, auth: "…", userData: '{"id":9007199254740993}' });
    await settle();
    const userData = '{"id":"9007199254740993"}';
    assert.deepEqual(client.transport.take(), [
      { event: "pusher:signin_success", data: JSON.stringify({ user_data: userData }) },
    ]);
  });

  it("U06: its no, and user data that is none, are refusals", async () => {
    const { node, asked } = createAsked();
    const client = node.connect();
    for (const result of [
      { ok: false, kind: "denied", reason: "forbidden" },
      { ok: true, auth: "…", userData: "[]" },
    ] as const) {
      client.say(unsigned);
      asked.at(-1)?.answer(result);
      await settle();
      assert.deepEqual(client.transport.take(), [errorMessage(4009, "Connection is unauthorized")]);
    }
    assert.equal(client.connection.user, null);
  });

  for (const reason of ["circuit_open", "timeout", "concurrency_limit"] as const) {
    it(`U09: ${reason}: nobody could say, which is no no; asking again is free`, async () => {
      const { node, asked } = createAsked();
      const client = node.connect();
      client.say(unsigned);
      asked[0]?.answer({ ok: false, kind: "unavailable", reason });
      await settle();
      assert.deepEqual(client.transport.take(), [
        errorMessage(4202, "Authentication is unavailable"),
      ]);
      assert.equal(client.transport.closed, null);
      client.say(unsigned);
      asked[1]?.answer({ ok: true, auth: "…", userData: '{"id":"7"}' });
      await settle();
      assert.equal(client.connection.user?.id, "7");
      const [refused] = node.reports.of("authorization_refused");
      assert.deepEqual(refused, { kind: "authorization_refused", appId: "app-id", reason });
    });
  }

  it("who has left meanwhile is nobody; a signed signin supersedes the question", async () => {
    const { node, asked } = createAsked();
    const gone = node.connect();
    gone.say(unsigned);
    gone.disconnect();
    assert.equal(asked[0]?.request.signal.aborted, true);
    asked[0]?.answer({ ok: true, auth: "…", userData: '{"id":"7"}' });
    const signed = node.connect();
    signed.say(unsigned);
    signed.say(signin(signed.socketId, '{"id":"8"}'));
    asked[1]?.answer({ ok: true, auth: "…", userData: '{"id":"9"}' });
    await settle();
    assert.equal(node.hub.users.connectionsOf("7"), undefined);
    assert.equal(signed.connection.user?.id, "8");
    assert.deepEqual(gone.transport.take(), []);
  });

  it("without an app to ask it is refused", () => {
    const client = createTestNode().connect();
    assert.deepEqual(client.say(unsigned), [errorMessage(4009, "Connection is unauthorized")]);
  });
});
