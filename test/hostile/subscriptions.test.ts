/** What hostile clients try to get into channels, against a whole sidecar: the rows of its table of attacks. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { sign } from "../../sidecar/core/signature.ts";
import { send } from "../../sidecar/testing/http-api.ts";
import { createSigner } from "../kit/sign.ts";

import { type Client } from "../kit/client.ts";
import { app, startSidecar } from "../kit/start.ts";
import { startAsked } from "./support/asked-app.ts";
import { openRaw } from "./support/raw-handshake.ts";
import { waitFor } from "../../sidecar/testing/eventually.ts";

const api = createSigner(app);

async function start(test: TestContext, env: Readonly<Record<string, string>> = {}) {
  const stage = await startAsked(test, { env });
  async function publish(channel: string, name = "secret"): Promise<void> {
    const { method, target, body } = api("events", { body: { name, channel, data: "{}" } });
    assert.equal((await send(stage.sidecar.port, method, target, body)).status, 200);
  }
  return { ...stage, publish };
}

/** What the client is answered until a pong: the codes of errors, and the names of everything else. */
async function answersTo(client: Client, ...messages: readonly unknown[]): Promise<unknown[]> {
  for (const message of messages) {
    client.send(message as object | string);
  }
  await client.roundTrip();
  return client.messages.splice(0).map(({ event, data }) => {
    const { code, status } = Object(data);
    return event === "pusher:error" ? code : event === "pusher:subscription_error" ? status : event;
  });
}

const subscribe = (data: unknown) => ({ event: "pusher:subscribe", data });
const succeeded = "pusher_internal:subscription_succeeded";
const invalid = [4200];
/** Where the channel can be read, it gets the refusal too (S19). */
const invalidOnChannel = [4200, 400];
const signinDenied = [4009, "pusher:signin_error"];
const invalidName = [4200, 400];
const denied = [4009, 403];

/** As `pusher-http-php` signs for a channel. */
function authFor(
  socketId: string,
  channel: string,
  options: { data?: string; key?: string; secret?: string } = {},
) {
  const { data, key = app.key, secret = app.secret } = options;
  const text = [socketId, channel, ...(data === undefined ? [] : [data])].join(":");
  return `${key}:${sign(secret, text)}`;
}

describe("names", () => {
  it("row 1: no name that is protected is joined without a signature by who is no page and has no token", async (test) => {
    const { sidecar, asked } = await start(test);
    const kinds = ["private", "presence", "private-encrypted"];
    const names = kinds.flatMap((kind) => [`${kind}-a`, `${kind}-cache-a`, `${kind}-`]);
    for (const name of names) {
      const client = await openRaw(test, sidecar.port, ["Cookie: session=ada"]);
      assert.equal(await client.subscribe(name), 403, name);
      assert.match(client.raw.text, /4009/);
    }
    assert.equal(asked.length, 0);
  });

  it("row 2: what only looks like a protected name is another, public channel, in which nothing of the protected one arrives", async (test) => {
    const { connect, publish } = await start(test);
    const names = ["Private-a", "PRIVATE-a", "privateer", "private", "private_a", "-private-a"];
    const client = await connect();
    for (const channel of [...names, "cache-private-a"]) {
      const [first, ...others] = await answersTo(client, subscribe({ channel }));
      assert.equal(first, succeeded, channel);
      assert.ok(others.every((event) => event === "pusher:cache_miss"));
    }
    await publish("private-a");
    assert.deepEqual(await answersTo(client), []);
  });

  it("row 3: blanks, control characters, letters that look alike, percent signs: 4200 and 400", async (test) => {
    const { connect, asked } = await start(test);
    const client = await connect();
    const names = [" private-a", "private-a ", "private-a\0", "private-a\n", "private-a/b"];
    names.push("private-a#", "private-a?x", "private-a\u200b", "private\u2010a", "\u0440rivate-a");
    for (const channel of [...names, "private%2Da"]) {
      assert.deepEqual(await answersTo(client, subscribe({ channel })), invalidName, channel);
    }
    assert.equal(asked.length, 0);
  });

  it("row 4: names of the server's own", async (test) => {
    const { connect } = await start(test);
    const client = await connect();
    for (const channel of ["#server-to-user-1", "#server-to-user-", "#private-a", "!control"]) {
      assert.deepEqual(await answersTo(client, subscribe({ channel })), invalidName, channel);
    }
  });

  it("row 5: names that an object has from its prototype are ordinary public channels", async (test) => {
    const { connect, publish } = await start(test);
    const client = await connect();
    for (const channel of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      assert.deepEqual(await answersTo(client, subscribe({ channel })), [succeeded], channel);
      await publish(channel, "seen");
      assert.deepEqual(await answersTo(client), ["seen"]);
    }
  });

  it("row 6: 256 characters are a name, 257 and none are not", async (test) => {
    const { connect } = await start(test);
    const client = await connect();
    const of = (length: number) => subscribe({ channel: "a".repeat(length) });
    assert.deepEqual(await answersTo(client, of(256)), [succeeded]);
    assert.deepEqual(await answersTo(client, of(257)), invalidName);
    assert.deepEqual(await answersTo(client, of(0)), invalidName);
  });
});

describe("types", () => {
  it("row 7: a channel that is no text is refused; a number is a public name", async (test) => {
    const { connect } = await start(test);
    const client = await connect();
    for (const channel of [["private-a"], { a: 1 }, true, null]) {
      assert.deepEqual(await answersTo(client, subscribe({ channel })), invalid);
    }
    assert.deepEqual(await answersTo(client, subscribe({ channel: 7 })), [succeeded]);
    const [infinite] = await answersTo(
      client,
      '{"event":"pusher:subscribe","data":{"channel":1e400}}',
    );
    assert.ok(infinite === 4200 || infinite === succeeded, "as long as it is no protected one");
  });

  it("row 8: an auth that is no text", async (test) => {
    const { connect, asked } = await start(test);
    const client = await connect();
    for (const auth of [["a"], { a: 1 }, 1, true, false, 0]) {
      const channel = "private-a";
      assert.deepEqual(await answersTo(client, subscribe({ channel, auth })), invalidOnChannel);
    }
    assert.equal(asked.length, 0);
  });

  it("row 9: of a key given twice the last one counts, for the check and for the join; __proto__ is no data", async (test) => {
    const { sidecar, connect } = await start(test);
    const client = await connect();
    const { socket_id: socketId } = client.established;
    const auth = authFor(socketId, "private-a");
    const twice = (first: string, second: string) =>
      `{"event":"pusher:subscribe","data":{"channel":"${first}","channel":"${second}","auth":"${auth}"}}`;
    assert.deepEqual(await answersTo(client, twice("private-a", "private-b")), denied);
    assert.deepEqual(await answersTo(client, twice("private-b", "private-a")), [succeeded]);
    assert.deepEqual(await sidecar.series("pogo_websocket_subscriptions_active"), {
      'app_id="app-id"': 1,
    });
    const proto = '{"event":"pusher:subscribe","data":{"__proto__":{"channel":"news"}}}';
    assert.deepEqual(await answersTo(client, proto), invalid);
  });

  it("row 10: data that is a list or a number; JSON text in it is read, and judged the same", async (test) => {
    const { sidecar } = await start(test);
    const client = await openRaw(test, sidecar.port, []);
    client.send(JSON.stringify(subscribe([])), JSON.stringify(subscribe(1)));
    await client.raw.until(/(4200.*){2}/s);
    client.send(JSON.stringify(subscribe('{"channel":"private-a"}')));
    await client.raw.until(/subscription_error.*403/s);
  });

  it("row 11: events of an object's prototype, and of the server", async (test) => {
    const { connect } = await start(test);
    const client = await connect();
    for (const event of ["__proto__", "constructor"]) {
      assert.deepEqual(await answersTo(client, { event, data: {} }), invalid, event);
    }
    const forged = { event: succeeded, channel: "private-a", data: "{}" };
    assert.deepEqual(await answersTo(client, forged), [], "nobody hears it");
  });
});

describe("signatures", () => {
  it("rows 12, 13, 14: nothing but the signature of this socket, channel and app is one", async (test) => {
    const { sidecar, connect, asked } = await start(test);
    const client = await connect();
    const other = await connect();
    const { socket_id: socketId } = client.established;
    const right = authFor(socketId, "private-a");
    const [key = "", signature = ""] = right.split(":");
    const wrong = [
      key,
      `${key}:`,
      "::",
      `${key}:${signature.toUpperCase()}`,
      `${right} `,
      `${right}\n`,
      right.slice(0, -1),
      `${right}0`,
      authFor(other.established.socket_id, "private-a"),
      authFor(socketId, "private-b"),
      authFor(socketId, "private-a", { key: "other-key" }),
      authFor(socketId, "private-a", { secret: "" }),
      authFor(socketId, "private-a", { secret: app.key }),
      `${key}:${sign(app.secret, `${socketId}::user::private-a`)}`,
    ];
    for (const auth of wrong) {
      const channel = "private-a";
      assert.deepEqual(await answersTo(client, subscribe({ channel, auth })), denied, auth);
    }
    const signin = { auth: authFor(socketId, "private-a"), user_data: '{"id":"1"}' };
    assert.deepEqual(
      await answersTo(client, { event: "pusher:signin", data: signin }),
      signinDenied,
    );
    assert.equal(asked.length, 0, "the app is not asked instead");
    const logged = sidecar.lines.find(({ sent_app_key: sent }) => sent !== undefined);
    assert.equal(logged?.["sent_app_key"], "other-key");
    assert.deepEqual(await answersTo(client, subscribe({ channel: "private-a", auth: right })), [
      succeeded,
    ]);
  });

  it("row 15: of a presence channel's member nothing counts but what was signed, byte by byte", async (test) => {
    const { connect } = await start(test);
    const client = await connect();
    const { socket_id: socketId } = client.established;
    const channel = "presence-a";
    const data = '{"user_id":"1"}';
    const auth = authFor(socketId, channel, { data });
    const outcome = (more: object) => answersTo(client, subscribe({ channel, ...more }));
    assert.deepEqual(
      await outcome({ auth: authFor(socketId, channel), channel_data: data }),
      denied,
    );
    assert.deepEqual(await outcome({ auth, channel_data: '{"user_id":"2"}' }), denied);
    assert.deepEqual(
      await outcome({ auth, channel_data: '{"user_id":"1","user_id":"2"}' }),
      denied,
    );
    assert.deepEqual(await outcome({ auth, channel_data: ` ${data}` }), denied);
    for (const channelData of [{ user_id: "1" }, ["1"]]) {
      assert.deepEqual(await outcome({ auth, channel_data: channelData }), invalidOnChannel);
    }
    assert.deepEqual(await outcome({ auth, channel_data: data }), [succeeded]);
  });

  it("row 16: signins with a channel's signature, another socket's, of other data, with one colon", async (test) => {
    const { connect, publish } = await start(test);
    const client = await connect();
    const other = await connect();
    const { socket_id: socketId } = client.established;
    const userData = '{"id":"1"}';
    const authOf = (text: string) => `${app.key}:${sign(app.secret, text)}`;
    const wrong = [
      authOf(`${socketId}:private-a`),
      authOf(`${other.established.socket_id}::user::${userData}`),
      authOf(`${socketId}::user::{"id":"2"}`),
      authOf(`${socketId}:user:${userData}`),
    ];
    for (const auth of wrong) {
      const signin = { event: "pusher:signin", data: { auth, user_data: userData } };
      assert.deepEqual(await answersTo(client, signin), signinDenied);
    }
    await publish("#server-to-user-1");
    assert.deepEqual(await answersTo(client), []);
  });
});

describe("client events", () => {
  const whisper = (channel: unknown, event = "client-x") => ({ event, channel, data: {} });

  it("row 23: those of who is no member reach nobody, nor do a server's events", async (test) => {
    const { connect } = await start(test);
    const member = await connect();
    const stranger = await connect();
    for (const channel of ["private-a", "presence-a"]) {
      const data = channel === "presence-a" ? '{"user_id":"1"}' : undefined;
      const auth = authFor(
        member.established.socket_id,
        channel,
        data === undefined ? {} : { data },
      );
      await member.subscribe(channel, { auth, ...(data !== undefined && { channel_data: data }) });
    }
    const messages = [
      whisper("private-a"),
      whisper("presence-a"),
      whisper(["private-a"]),
      whisper("private-a", "secret"),
      whisper("private-a", "pusher_internal:member_added"),
    ];
    await answersTo(stranger, ...messages);
    assert.deepEqual(await answersTo(member), []);
  });

  it("row 24: the sender of a client event is who the app says; data stays data", async (test) => {
    const { connect } = await start(test);
    const [sender, receiver] = [await connect(), await connect()];
    for (const [client, id] of [
      [sender, "1"],
      [receiver, "2"],
    ] as const) {
      const data = `{"user_id":"${id}"}`;
      const auth = authFor(client.established.socket_id, "presence-a", { data });
      await client.subscribe("presence-a", { auth, channel_data: data });
    }
    receiver.messages.splice(0);
    const data = '","user_id":"9","x":"';
    sender.socket.send(JSON.stringify({ ...whisper("presence-a"), data, user_id: "9" }));
    const event = await receiver.next("client-x");
    assert.equal(event["user_id"], "1");
    assert.equal(event["data"], data);
  });
});

describe("the app's answer", () => {
  it("row 17: one for another channel, or another socket, is none", async (test) => {
    for (const change of [{ channel: "private-b" }, { socketId: "1.1" }]) {
      const { connect } = await startAsked(test, {
        answer({ socketId, channel }, res) {
          const asked = { socketId, channel, ...change };
          res.end(JSON.stringify({ auth: authFor(asked.socketId, asked.channel) }));
        },
      });
      assert.equal(await (await connect()).subscribe("private-a"), 403);
    }
  });

  it("row 18: who unsubscribes meanwhile, or in the same segment, never joins", async (test) => {
    const { sidecar, asked, connect } = await startAsked(test, { answer: () => undefined });
    const raw = await openRaw(test, sidecar.port, [`Origin: http://127.0.0.1:${sidecar.port}`]);
    const message = (event: string) => JSON.stringify({ event, data: { channel: "private-a" } });
    raw.send(message("pusher:subscribe"), message("pusher:unsubscribe"));
    const client = await connect();
    client.say("pusher:subscribe", { channel: "private-a" });
    await waitFor(() => asked.length === 2);
    client.say("pusher:unsubscribe", { channel: "private-a" });
    assert.deepEqual(await answersTo(client), []);
    for (const question of asked) question.allow();
    await sidecar.seriesBecome("pogo_websocket_auth_duration_seconds_count", { "": 2 });
    assert.deepEqual(await answersTo(client), []);
    assert.deepEqual(await sidecar.series("pogo_websocket_subscriptions_active"), {
      'app_id="app-id"': 0,
    });
  });

  it("rows 19, 20: fifty subscribes of one channel ask once; a signed one does not wait for the answer", async (test) => {
    const { asked, connect } = await startAsked(test, { answer: () => undefined });
    const client = await connect();
    const messages = Array.from({ length: 50 }, () => subscribe({ channel: "private-a" }));
    assert.deepEqual(await answersTo(client, ...messages), []);
    await waitFor(() => asked.length === 1);
    asked[0]?.allow();
    await client.next(succeeded);
    assert.deepEqual(await answersTo(client, subscribe({ channel: "private-b" })), []);
    await waitFor(() => asked.length === 2);
    const auth = authFor(client.established.socket_id, "private-b");
    assert.deepEqual(await answersTo(client, subscribe({ channel: "private-b", auth })), [
      succeeded,
    ]);
    asked[1]?.allow();
    assert.deepEqual(await answersTo(client), []);
    assert.equal(asked.length, 2);
  });

  it("row 42: no answer is used twice, for another session or for the same", async (test) => {
    const { asked, connect } = await startAsked(test);
    for (const Cookie of ["session=ada", "session=bob", "session=ada"]) {
      assert.equal(await (await connect({ Cookie })).subscribe("private-a"), 200);
    }
    assert.deepEqual(
      asked.map(({ headers }) => headers.cookie),
      ["session=ada", "session=bob", "session=ada"],
    );
  });

  it("without an app behind, a protected channel is refused", async (test) => {
    const sidecar = await startSidecar(test, {});
    const client = await openRaw(test, sidecar.port, [`Origin: http://127.0.0.1:${sidecar.port}`]);
    assert.equal(await client.subscribe("private-a"), 403);
  });
});
