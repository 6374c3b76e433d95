import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Authorization, AuthorizationRequest, ChannelAuthorizer } from "./ports.ts";
import { sign } from "./signature.ts";
import { createTestNode, errorMessage, idle, refusalMessage } from "./testing/doubles.ts";

const invalid = errorMessage(4200, "Invalid message format");
const formatError = { type: "FormatError", error: "Invalid message format", status: 400 };
const unauthorized = errorMessage(4009, "Connection is unauthorized");

function succeeded(channel: string) {
  return { event: "pusher_internal:subscription_succeeded", data: "{}", channel };
}

function authError(channel: string, status: number, error: string) {
  return refusalMessage({ type: "AuthError", error, status }, channel);
}

function denied(channel: string) {
  return [unauthorized, authError(channel, 403, "Connection is unauthorized")];
}

function subscribe(data: unknown) {
  return { event: "pusher:subscribe", data };
}

/** An authorizer that is answered by the test. */
function createAskedAuthorizer() {
  const asked: { request: AuthorizationRequest; answer: (result: Authorization) => void }[] = [];
  const authorizer: ChannelAuthorizer = {
    authorize: (request) => new Promise((resolve) => asked.push({ request, answer: resolve })),
  };
  return { authorizer, asked };
}

describe("pusher:subscribe", () => {
  it("S01: a public channel needs nothing", async () => {
    const client = createTestNode().connect();
    assert.deepEqual(await client.say(subscribe({ channel: "a" })), [succeeded("a")]);
  });

  it("S02: data may be a JSON string", async () => {
    const client = createTestNode().connect();
    assert.deepEqual(await client.say(subscribe('{"channel":"b"}')), [succeeded("b")]);
  });

  it("S03: subscribing twice is answered twice, and delivers once", async () => {
    const node = createTestNode();
    const client = node.connect();
    await client.say(subscribe({ channel: "a" }));
    assert.deepEqual(await client.say(subscribe({ channel: "a" })), [succeeded("a")]);
    node.hub.broadcast({ appId: "app-id", channel: "a", event: "e", dataJson: '"d"' });
    assert.deepEqual(client.transport.take(), [{ event: "e", channel: "a", data: "d" }]);
  });

  for (const data of [undefined, null, [], "x", {}, { channel: null }, { channel: ["a"] }]) {
    it(`S05: data ${JSON.stringify(data)} is answered 4200`, async () => {
      const client = createTestNode().connect();
      assert.deepEqual(await client.say(subscribe(data)), [invalid]);
      assert.equal(client.transport.closed, null);
    });
  }

  it("S19: a subscribe with fields of wrong types is refused on its channel, if that can be read", async () => {
    const client = createTestNode().connect();
    for (const fields of [{ auth: 5 }, { auth: {} }, { channel_data: [] }, { channel_data: "x" }]) {
      assert.deepEqual(await client.say(subscribe({ channel: "presence-x", ...fields })), [
        invalid,
        refusalMessage(formatError, "presence-x"),
      ]);
    }
  });

  it("S05: a number is read as its digits", async () => {
    const client = createTestNode().connect();
    assert.deepEqual(await client.say(subscribe({ channel: 123 })), [succeeded("123")]);
    const long = '{"event":"pusher:subscribe","data":{"channel":9007199254740993}}';
    assert.deepEqual(await client.sayText(long), [succeeded("9007199254740993")]);
  });

  for (const channel of ["", "a b", "é", "x".repeat(257), "#server-to-user-1", "a/b", "a\u0000"]) {
    it(`S04: the name ${JSON.stringify(channel.slice(0, 20))} is refused, with the channel named`, async () => {
      const node = createTestNode();
      const client = node.connect();
      const [error, named] = await client.say(subscribe({ channel }));
      assert.deepEqual(error, errorMessage(4200, "Invalid channel name"));
      assert.equal(named?.["event"], "pusher:subscription_error");
      assert.equal(named?.["channel"], channel);
      assert.equal(node.hub.channels.size, 0);
    });
  }

  const protectedChannels = [
    "private-x",
    "presence-x",
    "private-encrypted-x",
    "private-cache-x",
    "presence-cache-x",
    "private-encrypted-cache-x",
  ];
  for (const channel of protectedChannels) {
    it(`S06, S12: ${channel} with its signature`, async () => {
      const client = createTestNode().connect();
      const [answer] = await client.subscribe(channel, '{"user_id":"1"}');
      assert.equal(answer?.["event"], "pusher_internal:subscription_succeeded");
      assert.equal(answer?.["channel"], channel);
    });

    it(`S07, S11, S16: ${channel} is refused without, with another's and with a wrong signature`, async () => {
      const node = createTestNode();
      const client = node.connect();
      const auths = [
        undefined,
        null,
        "",
        "x",
        "app-key:",
        `app-key:${sign("app-secret", `1.999:${channel}`)}`,
        `app-key:${sign("app-secret", `${client.socketId}:other`)}`,
        `app-key:${sign("wrong", `${client.socketId}:${channel}`)}`,
        `app-key:${sign("app-secret", `${client.socketId}:${channel}`).toUpperCase()}`,
        `other-key:${sign("app-secret", `${client.socketId}:${channel}`)}`,
      ];
      for (const auth of auths) {
        assert.deepEqual(
          await client.say(subscribe({ channel, auth })),
          denied(channel),
          String(auth),
        );
      }
      assert.equal(client.transport.closed, null);
      assert.equal(client.connection.subscriptions.size, 0);
      // S16: a refused subscribe leaves nothing behind.
      assert.equal(node.hub.channel(channel), undefined);
    });
  }

  it("S09: says which app key came with a signature made for another app", async () => {
    const node = createTestNode();
    const client = node.connect();
    await client.say(subscribe({ channel: "private-x", auth: "other-key:00" }));
    assert.deepEqual(node.reports.of("client_signature_refused", "authorization_refused"), [
      {
        kind: "client_signature_refused",
        appId: "app-id",
        socketId: "1.1",
        channel: "private-x",
        fault: "wrong_key",
        sentKey: "other-key",
      },
      {
        kind: "authorization_refused",
        appId: "app-id",
        socketId: "1.1",
        channel: "private-x",
        reason: "invalid_signature",
      },
    ]);
  });

  for (const channel of ["privateer", "presenceful", "cached-news"]) {
    it(`S17: ${channel} has no dash after its prefix: public`, async () => {
      const client = createTestNode().connect();
      assert.deepEqual(await client.say(subscribe({ channel })), [succeeded(channel)]);
    });
  }

  it("S08, S19: auth that is no string is answered 4200, on its channel too", async () => {
    const client = createTestNode().connect();
    assert.deepEqual(await client.say(subscribe({ channel: "private-x", auth: [] })), [
      invalid,
      refusalMessage(formatError, "private-x"),
    ]);
  });

  it("S10: a signature on a private channel covers channel_data if it is sent", async () => {
    const client = createTestNode().connect();
    const [answer] = await client.subscribe("private-x", '{"a":1}');
    assert.deepEqual(answer, succeeded("private-x"));
    const auth = `app-key:${sign("app-secret", `${client.socketId}:private-y`)}`;
    assert.deepEqual(
      await client.say(subscribe({ channel: "private-y", auth, channel_data: '{"a":1}' })),
      denied("private-y"),
    );
  });

  for (const channelData of ["x", "5", "9007199254740993", '"s"', "null", 5, {}]) {
    it(`S13, S19: channel_data ${JSON.stringify(channelData)} is answered 4200`, async () => {
      const client = createTestNode().connect();
      const data = { channel: "a", channel_data: channelData };
      assert.deepEqual(await client.say(subscribe(data)), [
        invalid,
        refusalMessage(formatError, "a"),
      ]);
    });
  }

  it("S14: unsubscribe is not answered, and ends delivery", async () => {
    const node = createTestNode();
    const client = node.connect();
    await client.say(subscribe({ channel: "a" }));
    assert.deepEqual(await client.say({ event: "pusher:unsubscribe", data: { channel: "a" } }), []);
    node.hub.broadcast({ appId: "app-id", channel: "a", event: "e", dataJson: '""' });
    assert.deepEqual(client.transport.take(), []);
    assert.equal(node.hub.channel("a"), undefined);
  });

  it("S15: unsubscribe from an unknown channel is not answered; without a channel it is, with 4200", async () => {
    const client = createTestNode().connect();
    assert.deepEqual(await client.say({ event: "pusher:unsubscribe", data: { channel: "z" } }), []);
    assert.deepEqual(await client.say({ event: "pusher:unsubscribe" }), [invalid]);
  });
});

describe("pusher:subscribe without a signature", () => {
  it("Q01: with a signature the app is never asked", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    await createTestNode({ authorizer }).connect().subscribe("private-x");
    assert.equal(asked.length, 0);
  });

  it("Q02: is answered when the app has said yes", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const client = createTestNode({ authorizer }).connect();
    assert.deepEqual(await client.say(subscribe({ channel: "private-x" })), []);
    assert.equal(asked[0]?.request.channel, "private-x");
    assert.equal(asked[0]?.request.socketId, client.socketId);
    asked[0]?.answer({ ok: true, auth: "app-key:…" });
    await idle();
    assert.deepEqual(client.transport.take(), [succeeded("private-x")]);
  });

  it("Q02: joins a presence channel as the member that the app named", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const client = createTestNode({ authorizer }).connect();
    await client.say(subscribe({ channel: "presence-x" }));
    const channelData = '{"user_id":"7","user_info":{"name":"Ann"}}';
    asked[0]?.answer({ ok: true, auth: "app-key:…", channelData });
    await idle();
    const [answer] = client.transport.take();
    assert.deepEqual(JSON.parse(String(answer?.["data"])), {
      presence: { count: 1, ids: ["7"], hash: { 7: { name: "Ann" } } },
    });
  });

  it("Q05: hands the key of an encrypted channel to the client that did not ask for it itself", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const client = createTestNode({ authorizer }).connect();
    await client.say(subscribe({ channel: "private-encrypted-x" }));
    asked[0]?.answer({ ok: true, auth: "app-key:…", sharedSecret: "c2VjcmV0" });
    await idle();
    const [answer] = client.transport.take();
    assert.deepEqual(JSON.parse(String(answer?.["data"])), { shared_secret: "c2VjcmV0" });
  });

  it("X10: the app's answer may be no longer than a message of the client with it", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const client = createTestNode({ authorizer }).connect();
    await client.say(subscribe({ channel: "presence-x" }));
    const channelData = JSON.stringify({ user_id: "7", user_info: "x".repeat(12_000) });
    asked[0]?.answer({ ok: true, auth: "app-key:…", channelData });
    await idle();
    const tooLong = { type: "LimitReached", error: "Message is too long", status: 413 };
    assert.deepEqual(client.transport.take(), [
      errorMessage(4306, "Message is too long"),
      refusalMessage(tooLong, "presence-x"),
    ]);
  });

  it("Q03, Q04: a denial is 403, an app that could not be asked 503", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const client = createTestNode({ authorizer }).connect();
    await client.say(subscribe({ channel: "private-x" }));
    asked[0]?.answer({ ok: false, kind: "denied", reason: "forbidden" });
    await idle();
    assert.deepEqual(client.transport.take(), denied("private-x"));
    await client.say(subscribe({ channel: "private-x" }));
    asked[1]?.answer({ ok: false, kind: "unavailable", reason: "circuit_open" });
    await idle();
    assert.deepEqual(client.transport.take(), [
      unauthorized,
      authError("private-x", 503, "Authorization is unavailable"),
    ]);
  });

  it("Q06: asks once for a connection and channel at a time", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const client = createTestNode({ authorizer }).connect();
    await client.say(subscribe({ channel: "private-x" }));
    await client.say(subscribe({ channel: "private-x" }));
    await client.say(subscribe({ channel: "private-y" }));
    assert.equal(asked.length, 2);
    asked[0]?.answer({ ok: true, auth: "…" });
    await idle();
    assert.deepEqual(client.transport.take(), [succeeded("private-x")]);
  });

  it("Q07: a connection that closes meanwhile aborts the question and is not subscribed", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const node = createTestNode({ authorizer });
    const client = node.connect();
    await client.say(subscribe({ channel: "private-x" }));
    client.disconnect();
    assert.equal(asked[0]?.request.signal.aborted, true);
    asked[0]?.answer({ ok: true, auth: "…" });
    await idle();
    assert.deepEqual(client.transport.take(), []);
    assert.equal(node.hub.channel("private-x"), undefined);
  });

  it("Q07: unsubscribe calls a pending question off", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const node = createTestNode({ authorizer });
    const client = node.connect();
    await client.say(subscribe({ channel: "private-x" }));
    await client.say({ event: "pusher:unsubscribe", data: { channel: "private-x" } });
    assert.equal(asked[0]?.request.signal.aborted, true);
    await client.say(subscribe({ channel: "private-x" }));
    asked[0]?.answer({ ok: true, auth: "…" });
    await idle();
    assert.equal(node.hub.channel("private-x"), undefined, "the first answer is nobody's");
    asked[1]?.answer({ ok: true, auth: "…" });
    await idle();
    assert.deepEqual(client.transport.take(), [succeeded("private-x")]);
  });

  it("Q07: a signed subscribe supersedes a pending question", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const client = createTestNode({ authorizer }).connect();
    await client.say(subscribe({ channel: "private-x" }));
    assert.deepEqual(await client.subscribe("private-x"), [succeeded("private-x")]);
    assert.equal(asked[0]?.request.signal.aborted, true);
    asked[0]?.answer({ ok: false, kind: "denied", reason: "forbidden" });
    await idle();
    assert.deepEqual(client.transport.take(), []);
  });

  it("Q09: a bearer token in place of the signature is what the app is asked with", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const node = createTestNode({ authorizer });
    const client = node.connect();
    await client.say(subscribe({ channel: "private-x" }));
    await client.say(subscribe({ channel: "private-x", auth: "Bearer 7|s3cr3t" }));
    assert.deepEqual(
      asked.map(({ request }) => [request.credential, request.signal.aborted]),
      [
        [null, true],
        ["Bearer 7|s3cr3t", false],
      ],
      "it supersedes a question without one",
    );
    asked[0]?.answer({ ok: false, kind: "denied", reason: "forbidden" });
    asked[1]?.answer({ ok: true, auth: "…" });
    await idle();
    assert.deepEqual(client.transport.take(), [succeeded("private-x")]);
  });

  for (const auth of [
    "Bearer",
    "Bearer ",
    "bearer x",
    "Bearer a b",
    "Bearer a\r\nX: b",
    "Basic x",
  ]) {
    it(`Q09: ${JSON.stringify(auth)} is a wrong signature, and the app is not asked`, async () => {
      const { authorizer, asked } = createAskedAuthorizer();
      const client = createTestNode({ authorizer }).connect();
      assert.deepEqual(
        await client.say(subscribe({ channel: "private-x", auth })),
        denied("private-x"),
      );
      assert.equal(asked.length, 0);
    });
  }

  it("Q01: a public channel is never asked about", async () => {
    const { authorizer, asked } = createAskedAuthorizer();
    const client = createTestNode({ authorizer }).connect();
    await client.say(subscribe({ channel: "news" }));
    assert.equal(asked.length, 0);
  });
});
