import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isPublishable } from "./channel-name.ts";
import type { Authentication, AuthenticationRequest } from "./ports.ts";
import { sign } from "./signature.ts";
import { createTestNode, errorMessage, idle, refusalMessage } from "./testing/doubles.ts";

const denied = [
  errorMessage(4009, "Connection is unauthorized"),
  refusalMessage({ type: "AuthError", error: "Connection is unauthorized", status: 403 }),
];

function signin(socketId: string, userData: string, secret = "app-secret", key = "app-key") {
  const auth = `${key}:${sign(secret, `${socketId}::user::${userData}`)}`;
  return { event: "pusher:signin", data: { auth, user_data: userData } };
}

describe("pusher:signin", () => {
  it("U10: is answered with the user data, verbatim", async () => {
    const client = createTestNode().connect();
    const userData = '{"id":"7","user_info":{"name":"Ännchen"}}';
    assert.deepEqual(await client.say(signin(client.socketId, userData)), [
      { event: "pusher:signin_success", data: JSON.stringify({ user_data: userData }) },
    ]);
    assert.deepEqual(client.connection.user, {
      id: "7",
      info: { name: "Ännchen" },
      watchlist: [],
    });
  });

  it("U12, U16: a wrong signature, another's, and one of another app are refused; the connection stays", async () => {
    const client = createTestNode().connect();
    const userData = '{"id":"7"}';
    for (const message of [
      signin("9.9", userData),
      signin(client.socketId, userData, "wrong"),
      signin(client.socketId, userData, "app-secret", "other"),
    ]) {
      assert.deepEqual(await client.say(message), denied);
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
    it(`U11, U16: user data ${userData} is answered 4200`, async () => {
      const client = createTestNode().connect();
      assert.deepEqual(await client.say(signin(client.socketId, userData)), [
        errorMessage(4200, "Invalid message format"),
        refusalMessage({ type: "FormatError", error: "Invalid message format", status: 400 }),
      ]);
    });
  }

  it("U14: an id is 1 to 240 characters, whichever they are; a longer one is refused with the reason", async () => {
    const node = createTestNode();
    for (const id of ["auth0|12", "jürgen", "a b", "😀", "a/b?c#d", "x".repeat(240)]) {
      const client = node.connect();
      const [answer] = await client.say(signin(client.socketId, JSON.stringify({ id })));
      assert.equal(answer?.["event"], "pusher:signin_success", id);
      const channel = `#server-to-user-${id}`;
      assert.ok(isPublishable(channel), channel);
      assert.equal(node.hub.broadcast({ appId: "app-id", channel, event: "e", dataJson: "1" }), 1);
    }
    const client = node.connect();
    const id = "x".repeat(241);
    assert.deepEqual(await client.say(signin(client.socketId, JSON.stringify({ id }))), [
      errorMessage(4200, "Invalid user id"),
      refusalMessage({
        type: "FormatError",
        error: "User id must be 1 to 240 characters",
        status: 400,
      }),
    ]);
    for (const channel of [`#server-to-user-${id}`, "#server-to-user-", "#private-a", "a b"]) {
      assert.equal(isPublishable(channel), false, channel);
    }
  });

  it("U14: whom nobody can sign in as is left out of a watchlist", async () => {
    const client = createTestNode().connect();
    const watchlist = ["x".repeat(241), "y".repeat(240), "", 7];
    await client.say(signin(client.socketId, JSON.stringify({ id: "1", watchlist })));
    assert.deepEqual(client.connection.user?.watchlist, ["y".repeat(240), "7"]);
  });

  it("U08: a numeric id is read as its digits, and answered as a string", async () => {
    const client = createTestNode().connect();
    const answers = await client.say(
      signin(client.socketId, '{"id":7,"user_info":{"f":1.0}, "x":"ü"}'),
    );
    assert.equal(client.connection.user?.id, "7");
    const userData = '{"id":"7","user_info":{"f":1.0},"x":"ü"}';
    assert.deepEqual(answers, [
      { event: "pusher:signin_success", data: JSON.stringify({ user_data: userData }) },
    ]);
  });

  it("a long numeric id keeps its digits, and so do the numbers of user_info and watchlist", async () => {
    const node = createTestNode();
    const client = node.connect();
    const id = "9007199254740993";
    await client.say(
      signin(client.socketId, `{"id":${id},"user_info":{"f":1.0},"watchlist":[${id}]}`),
    );
    assert.equal(client.connection.user?.id, id);
    assert.deepEqual(client.connection.user.watchlist, [id]);
    await client.subscribe("presence-room");
    assert.ok(client.transport.texts.at(-1)?.includes(JSON.stringify('{"f":1.0}').slice(1, -1)));
  });

  it("U01: events of a user's own channel reach all connections of that user, and nobody else", async () => {
    const node = createTestNode();
    const [one, two, other] = [node.connect(), node.connect(), node.connect()];
    for (const client of [one, two]) await client.say(signin(client.socketId, '{"id":"7"}'));
    await other.say(signin(other.socketId, '{"id":"8"}'));
    const channel = "#server-to-user-7";
    const event = { appId: "app-id", channel, event: "e", dataJson: '"d"' };
    assert.equal(node.hub.broadcast(event), 2);
    assert.deepEqual(one.transport.take(), [{ event: "e", channel, data: "d" }]);
    assert.deepEqual(two.transport.take().length, 1);
    assert.deepEqual(other.transport.take(), []);
    two.disconnect();
    assert.equal(node.hub.broadcast(event), 1);
  });

  it("U02: after a signin as another user, events of the first are not sent any more", async () => {
    const node = createTestNode();
    const client = node.connect();
    await client.say(signin(client.socketId, '{"id":"7"}'));
    await client.say(signin(client.socketId, '{"id":"8"}'));
    const event = { appId: "app-id", event: "e", dataJson: '"d"' };
    assert.equal(node.hub.broadcast({ ...event, channel: "#server-to-user-7" }), 0);
    assert.equal(node.hub.broadcast({ ...event, channel: "#server-to-user-8" }), 1);
    assert.equal(node.hub.terminateUser("7"), 0);
    assert.equal(node.hub.terminateUser("8"), 1);
  });

  it("U07: a signed-in client may subscribe to the user's own channel, and gets its events once", async () => {
    const node = createTestNode();
    const client = node.connect();
    const channel = "#server-to-user-7";
    const subscribe = { event: "pusher:subscribe", data: { auth: "", channel } };
    await client.say(signin(client.socketId, '{"id":"7"}'));
    assert.deepEqual(await client.say(subscribe), [
      { event: "pusher_internal:subscription_succeeded", data: "{}", channel },
    ]);
    assert.equal(node.hub.channels.size, 0);
    const event = { appId: "app-id", channel, event: "e", dataJson: '"d"' };
    assert.equal(node.hub.broadcast(event), 1);
    assert.deepEqual(client.transport.take(), [{ event: "e", channel, data: "d" }]);
  });

  it("U07: nobody else may: not another user, not who signs in as another, nobody without a signin", async () => {
    const node = createTestNode();
    const [guest, other, former] = [node.connect(), node.connect(), node.connect()];
    await other.say(signin(other.socketId, '{"id":"70"}'));
    await former.say(signin(former.socketId, '{"id":"7"}'));
    await former.say(signin(former.socketId, '{"id":"8"}'));
    const subscribe = { event: "pusher:subscribe", data: { channel: "#server-to-user-7" } };
    for (const client of [guest, other, former]) {
      const [error, named] = await client.say(subscribe);
      assert.deepEqual(error, errorMessage(4200, "Invalid channel name"));
      assert.equal(named?.["event"], "pusher:subscription_error");
    }
  });
});

describe("watchlists", () => {
  function watchlistEvents(events: { name: string; user_ids: string[] }[]) {
    return { event: "pusher_internal:watchlist_events", data: JSON.stringify({ events }) };
  }

  it("U03: a signin with a watchlist is sent who of it is online and who is offline", async () => {
    const node = createTestNode();
    const bob = node.connect();
    await bob.say(signin(bob.socketId, '{"id":"bob"}'));
    const ann = node.connect();
    const [, events] = await ann.say(
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

  it("U04: and from then on when one comes with the first connection, or goes with the last", async () => {
    const node = createTestNode();
    const ann = node.connect();
    await ann.say(signin(ann.socketId, '{"id":"ann","watchlist":["bob"]}'));
    const [one, two] = [node.connect(), node.connect()];
    for (const client of [one, two]) await client.say(signin(client.socketId, '{"id":"bob"}'));
    assert.deepEqual(ann.transport.take(), [
      watchlistEvents([{ name: "online", user_ids: ["bob"] }]),
    ]);
    node.hub.tick(0);
    one.disconnect();
    assert.deepEqual(ann.transport.take(), []);
    two.disconnect();
    assert.deepEqual(ann.transport.take(), [
      watchlistEvents([{ name: "offline", user_ids: ["bob"] }]),
    ]);
    ann.disconnect();
    const bob = node.connect();
    await bob.say(signin(bob.socketId, '{"id":"bob"}'));
    assert.deepEqual(ann.transport.take(), [], "who has left watches nobody");
  });

  it("U04: signing in again as the same user is neither a coming nor a going, and takes the new watchlist", async () => {
    const node = createTestNode();
    const ann = node.connect();
    await ann.say(signin(ann.socketId, '{"id":"ann","watchlist":["bob","cid"]}'));
    const [bob, cid, dan] = [node.connect(), node.connect(), node.connect()];
    await bob.say(signin(bob.socketId, '{"id":"bob"}'));
    ann.transport.take();
    node.webhookEvents.splice(0);
    await bob.say(signin(bob.socketId, '{"id":"bob","user_info":{"n":"B"}}'));
    await ann.say(signin(ann.socketId, '{"id":"ann","watchlist":["bob","dan"]}'));
    assert.deepEqual(node.webhookEvents, []);
    assert.deepEqual(bob.connection.user?.info, { n: "B" });
    await cid.say(signin(cid.socketId, '{"id":"cid"}'));
    assert.deepEqual(ann.transport.take(), []);
    await dan.say(signin(dan.socketId, '{"id":"dan"}'));
    assert.deepEqual(ann.transport.take(), [
      watchlistEvents([{ name: "online", user_ids: ["dan"] }]),
    ]);
  });

  it("U05: of more than 100 users is refused", async () => {
    const node = createTestNode();
    const client = node.connect();
    const watchlist = Array.from({ length: 101 }, (_, index) => String(index));
    const long = JSON.stringify({ id: "1", watchlist });
    assert.deepEqual(await client.say(signin(client.socketId, long)), [
      errorMessage(4305, "Watchlist has more than 100 users"),
      refusalMessage({
        type: "LimitReached",
        error: "Watchlist has more than 100 users",
        status: 403,
      }),
    ]);
    assert.equal(client.connection.user, null);
    const just = JSON.stringify({ id: "1", watchlist: watchlist.slice(1) });
    assert.equal((await client.say(signin(client.socketId, just))).length, 2);
  });

  it("an entry that is no id is left out", async () => {
    const node = createTestNode();
    const client = node.connect();
    await client.say(signin(client.socketId, '{"id":"1","watchlist":[null,{},"",7,"8"]}'));
    assert.deepEqual(client.connection.user?.watchlist, ["7", "8"]);
  });
});

describe("pusher:signin without a signature", () => {
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
    assert.deepEqual(await client.say(unsigned), []);
    await client.say(unsigned);
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.request.socketId, client.socketId);
    asked[0]?.answer({ ok: true, auth: "…", userData: '{"id":"7"}' });
    await idle();
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
    await client.say(unsigned);
    assert.deepEqual(
      await client.say({ event: "pusher:signin", data: { auth: "Bearer s3cr3t" } }),
      [],
    );
    assert.deepEqual(
      asked.map(({ request }) => [request.credential, request.signal.aborted]),
      [
        [null, true],
        ["Bearer s3cr3t", false],
      ],
    );
    asked[1]?.answer({ ok: true, auth: "…", userData: '{"id":"7"}' });
    await idle();
    assert.equal(client.connection.user?.id, "7");
  });

  it("U08: a numeric id in its user data is answered as a string too", async () => {
    const { node, asked } = createAsked();
    const client = node.connect();
    await client.say(unsigned);
    asked[0]?.answer({ ok: true, auth: "…", userData: '{"id":9007199254740993}' });
    await idle();
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
      await client.say(unsigned);
      asked.at(-1)?.answer(result);
      await idle();
      assert.deepEqual(client.transport.take(), denied);
    }
    assert.equal(client.connection.user, null);
  });

  for (const reason of ["circuit_open", "timeout", "concurrency_limit"] as const) {
    it(`U09: ${reason}: nobody could say, which is no no; asking again is free`, async () => {
      const { node, asked } = createAsked();
      const client = node.connect();
      await client.say(unsigned);
      asked[0]?.answer({ ok: false, kind: "unavailable", reason });
      await idle();
      assert.deepEqual(client.transport.take(), [
        errorMessage(4202, "Authentication is unavailable"),
        refusalMessage({ type: "AuthError", error: "Authentication is unavailable", status: 503 }),
      ]);
      assert.equal(client.transport.closed, null);
      await client.say(unsigned);
      asked[1]?.answer({ ok: true, auth: "…", userData: '{"id":"7"}' });
      await idle();
      assert.equal(client.connection.user?.id, "7");
      const [refused] = node.reports.of("authorization_refused");
      assert.deepEqual(refused, {
        kind: "authorization_refused",
        appId: "app-id",
        socketId: "1.1",
        channel: null,
        reason,
      });
    });
  }

  it("a client that has left meanwhile is not signed in; a signed signin supersedes the request to the app", async () => {
    const { node, asked } = createAsked();
    const gone = node.connect();
    await gone.say(unsigned);
    gone.disconnect();
    assert.equal(asked[0]?.request.signal.aborted, true);
    asked[0]?.answer({ ok: true, auth: "…", userData: '{"id":"7"}' });
    const signed = node.connect();
    await signed.say(unsigned);
    await signed.say(signin(signed.socketId, '{"id":"8"}'));
    asked[1]?.answer({ ok: true, auth: "…", userData: '{"id":"9"}' });
    await idle();
    assert.equal(node.hub.users.connectionsOf("7"), undefined);
    assert.equal(signed.connection.user?.id, "8");
    assert.deepEqual(gone.transport.take(), []);
  });

  it("without an app to ask it is refused", async () => {
    const client = createTestNode().connect();
    assert.deepEqual(await client.say(unsigned), denied);
  });
});
