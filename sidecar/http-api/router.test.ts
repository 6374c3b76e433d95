import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import type { Broker, BrokerFault } from "../core/ports.ts";
import { createTestNode } from "../core/testing/doubles.ts";
import { matchApiPath } from "./router.ts";
import { nowSeconds, send, startApi } from "../testing/http-api.ts";

const publishRefused = (reason: string) => ({ kind: "publish_refused", appId: "app-id", reason });

const event = { name: "e", data: '"d"', channels: ["a"] };

describe("authentication of the API", () => {
  it("A01: an unsigned and a wrongly signed request are answered 401", async (test) => {
    const { call, refusals } = await startApi(test);
    const answers = [
      await call("channels", { tamper: (params) => delete params["auth_signature"] }),
      await call("channels", { secret: "wrong" }),
      await call("channels", { tamper: (params) => (params["auth_signature"] = "ü") }),
      await call("channels", {
        tamper: (params) =>
          (params["auth_signature"] = params["auth_signature"]?.toUpperCase() ?? ""),
      }),
    ];
    for (const { status, text } of answers) {
      assert.equal(status, 401);
      assert.equal(text, "Authentication signature invalid.");
    }
    assert.deepEqual(
      refusals(),
      Array.from({ length: 4 }, () => "auth_signature"),
    );
  });

  it("A02: an unknown app id is said before any signature", async (test) => {
    const { call, node } = await startApi(test);
    const { status, text } = await call("", { path: "/apps/nope/channels" });
    assert.equal(status, 404);
    assert.equal(text, "No matching application for ID [nope].");
    const [unknown] = node.reports.of("api_app_unknown");
    assert.equal(unknown?.sentAppId, "nope");
  });

  it("A03, A04: the body's md5 is recomputed, whatever the query says", async (test) => {
    const { port, node, call } = await startApi(test);
    const { text } = await call("events", { body: event });
    assert.equal(text, "{}");
    const params = {
      auth_key: node.app.key,
      auth_timestamp: String(nowSeconds),
      auth_version: "1.0",
    };
    const md5 = createHash("md5").update('{"a":1}').digest("hex");
    const signed = `POST\n/apps/app-id/events\nauth_key=app-key&auth_timestamp=${nowSeconds}&auth_version=1.0&body_md5=${md5}`;
    const signature = createHmac("sha256", node.app.secret).update(signed).digest("hex");
    const query = new URLSearchParams({ ...params, body_md5: md5, auth_signature: signature });
    const altered = await send(port, "POST", `/apps/app-id/events?${query}`, '{"a":2}');
    assert.equal(altered.status, 401);
    query.delete("body_md5");
    const absent = await send(port, "POST", `/apps/app-id/events?${query}`, '{"a":1}');
    assert.equal(absent.status, 422, "signed, though not in the query");
  });

  it("A05: a timestamp is good for 300 s either way", async (test) => {
    const { call, refusals } = await startApi(test);
    for (const [offset, status] of [
      [-299, 200],
      [299, 200],
      [-301, 401],
      [301, 401],
    ] as const) {
      const query = { auth_timestamp: String(nowSeconds + offset) };
      assert.equal((await call("channels", { query })).status, status, String(offset));
    }
    for (const auth_timestamp of ["", "x", "-5", "1e9", "Infinity"]) {
      assert.equal((await call("channels", { query: { auth_timestamp } })).status, 401);
    }
    assert.ok(refusals().every((refusal) => refusal === "auth_timestamp"));
  });

  it("A06: another app's key and another version are refused", async (test) => {
    const { call, refusals } = await startApi(test);
    assert.equal((await call("channels", { query: { auth_key: "other" } })).status, 401);
    assert.equal((await call("channels", { query: { auth_version: "2.0" } })).status, 401);
    assert.deepEqual(refusals(), ["auth_key", "auth_version"]);
  });

  it("A07: below a path prefix, signed with it or without", async (test) => {
    const { call } = await startApi(test);
    const path = "/ws/apps/app-id/channels";
    assert.equal((await call("", { path })).status, 200);
    assert.equal((await call("", { path, signedPath: "/apps/app-id/channels" })).status, 200);
    assert.equal((await call("", { path, signedPath: "/x/apps/app-id/channels" })).status, 401);
  });

  it("A08: query values are decoded before they are signed", async (test) => {
    const { call } = await startApi(test);
    const query = { filter_by_prefix: "a b/é&=+%", info: "user_count" };
    assert.equal((await call("channels", { query })).status, 200);
  });

  it("A09: info[] twice is signed as a comma list", async (test) => {
    const { port, node } = await startApi(test);
    const signed = `GET\n/apps/app-id/channels\nauth_key=app-key&auth_timestamp=${nowSeconds}&auth_version=1.0&info=a,b`;
    const signature = createHmac("sha256", node.app.secret).update(signed).digest("hex");
    const query = `auth_key=app-key&auth_timestamp=${nowSeconds}&auth_version=1.0&info[]=a&info%5B%5D=b&auth_signature=${signature}`;
    assert.equal((await send(port, "GET", `/apps/app-id/channels?${query}`, "")).status, 200);
  });

  it("O02: a wrong method is answered 405 with Allow", async (test) => {
    const { call } = await startApi(test);
    const { status, headers, text } = await call("events", { method: "PUT", body: event });
    assert.equal(status, 405);
    assert.equal(headers["allow"], "POST");
    assert.equal(text, "Method not allowed.");
    assert.equal((await call("channels/a/users", { method: "DELETE" })).headers["allow"], "GET");
  });

  it("HEAD is answered as GET is, without the body", async (test) => {
    const { call } = await startApi(test);
    const { status, headers, text } = await call("channels", { method: "HEAD" });
    assert.deepEqual([status, headers["content-length"], text], [200, "15", ""]);
    assert.equal((await call("events", { method: "HEAD" })).status, 405);
  });

  it("O03: a path that is no route of the API is not matched", async () => {
    for (const path of [
      "/apps",
      "/apps/",
      "/apps/app-id",
      "/apps/app-id/",
      "/apps/app-id/events/",
      "/apps/app-id/nope",
      "/apps/app-id/channels/a/users/b",
      "/apps/app-id//channels",
      "/apps//channels",
      "//apps/app-id/channels",
      "/Apps/app-id/channels",
      "/apps/app-id/channels/",
      "/x/../apps/app-id/channels",
    ]) {
      assert.equal(matchApiPath(path), null, path);
    }
  });
});

describe("POST /apps/{id}/events", () => {
  it("V01, V11: delivers data verbatim to the channel, and answers {}", async (test) => {
    const { node, call } = await startApi(test);
    const client = node.connect();
    await client.subscribe("a");
    const data = 'ü "quoted" \\/ \u2028 😀 {"x":[1.0]}';
    const { status, headers, text } = await call("events", {
      body: { name: "App\\Events\\E", data, channel: "a" },
    });
    assert.equal(status, 200);
    assert.equal(text, "{}");
    assert.equal(headers["content-length"], "2");
    assert.equal(headers["content-type"], "application/json");
    assert.deepEqual(client.transport.take(), [{ event: "App\\Events\\E", channel: "a", data }]);
  });

  it("V02: one message for each channel of the list; channels wins over channel", async (test) => {
    const { node, call } = await startApi(test);
    const client = node.connect();
    for (const channel of ["a", "b", "c"]) await client.subscribe(channel);
    await call("events", { body: { ...event, channels: ["a", "b"], channel: "c" } });
    assert.deepEqual(
      client.transport.take().map((message) => message["channel"]),
      ["a", "b"],
    );
  });

  it("V03: socket_id leaves its connection out; an unknown one is no fault", async (test) => {
    const { node, sdk } = await startApi(test);
    const [sender, other] = [node.connect(), node.connect()];
    for (const client of [sender, other]) await client.subscribe("a");
    await sdk.trigger("a", "e", {}, { socket_id: sender.socketId });
    await sdk.trigger("a", "e", {}, { socket_id: "9.9" });
    assert.equal(sender.transport.take().length, 1);
    assert.equal(other.transport.take().length, 2);
  });

  it("V04, V05, V18: info gives counts by kind of channel, and who is occupied", async (test) => {
    const { node, sdk } = await startApi(test);
    await node.connect().subscribe("presence-a", '{"user_id":"1"}');
    await node.connect().subscribe("b");
    const both = ["presence-a", "presence-vacant", "b", "vacant"];
    const users = await sdk.trigger(both, "e", {}, { info: "user_count" });
    assert.deepEqual(await users.json(), {
      channels: {
        "presence-a": { user_count: 1 },
        "presence-vacant": { user_count: 0 },
        b: {},
        vacant: {},
      },
    });
    const subscriptions = await sdk.trigger(both, "e", {}, { info: "subscription_count,nonsense" });
    assert.deepEqual(await subscriptions.json(), {
      channels: {
        "presence-a": {},
        "presence-vacant": {},
        b: { subscription_count: 1 },
        vacant: { subscription_count: 0 },
      },
    });
    const occupied = await sdk.trigger(both, "e", {}, { info: "occupied" });
    assert.deepEqual(await occupied.json(), {
      channels: {
        "presence-a": { occupied: true },
        "presence-vacant": { occupied: false },
        b: { occupied: true },
        vacant: { occupied: false },
      },
    });
  });

  const invalid: [title: string, body: object, errors: object][] = [
    ["V06: data missing", { name: "e", channel: "a" }, { data: ["The data field is required."] }],
    [
      "V06: data is an object",
      { name: "e", channel: "a", data: {} },
      { data: ["The data field must be a string."] },
    ],
    ["V06: data empty", { ...event, data: "" }, { data: ["The data field is required."] }],
    ["V06: data blank", { ...event, data: " \n" }, { data: ["The data field is required."] }],
    [
      "V07: no channel at all",
      { name: "e", data: "d" },
      {
        channels: ["The channels field is required when channel is not present."],
        channel: ["The channel field is required when channels is not present."],
      },
    ],
    [
      "V07: an empty list",
      { ...event, channels: [] },
      {
        channels: ["The channels field is required when channel is not present."],
        channel: ["The channel field is required when channels is not present."],
      },
    ],
    [
      "V08: socket_id null",
      { ...event, socket_id: null },
      { socket_id: ["The socket id field must be a string."] },
    ],
    ["V08: info a list", { ...event, info: [] }, { info: ["The info field must be a string."] }],
    [
      "channels is a string",
      { ...event, channels: "a" },
      { channels: ["The channels field must be an array."] },
    ],
    [
      "a channel that is no string",
      { ...event, channels: ["a", 5] },
      { "channels.1": ["The channels.1 field must be a string."] },
    ],
    [
      "everything missing",
      {},
      {
        name: ["The name field is required."],
        data: ["The data field is required."],
        channels: ["The channels field is required when channel is not present."],
        channel: ["The channel field is required when channels is not present."],
      },
    ],
  ];
  for (const [title, body, errors] of invalid) {
    it(`${title}: 422, and nothing is delivered`, async (test) => {
      const { node, call } = await startApi(test);
      const client = node.connect();
      await client.subscribe("a");
      const { status, text } = await call("events", { body });
      assert.equal(status, 422);
      assert.deepEqual(JSON.parse(text), errors);
      assert.deepEqual(client.transport.take(), []);
    });
  }

  const refused: [title: string, body: unknown, status: number, reason: string][] = [
    ["V09: a body that is no JSON", "{", 400, "invalid_payload_json"],
    ["V09: a JSON scalar", "5", 400, "invalid_payload_json"],
    ["V15: a name of 201 characters", { ...event, name: "x".repeat(201) }, 422, "event_too_long"],
    [
      "V15: a channel of 257 characters",
      { ...event, channels: ["a", "x".repeat(257)] },
      422,
      "channel_too_long",
    ],
    [
      "V16: data of 262,145 bytes",
      { ...event, data: "x".repeat(262_145) },
      413,
      "payload_too_large",
    ],
    [
      "V16: data is counted in bytes",
      { ...event, data: "ü".repeat(131_073) },
      413,
      "payload_too_large",
    ],
  ];
  for (const [title, body, status, reason] of refused) {
    it(`${title}: ${status} ${reason}, counted, delivered nowhere`, async (test) => {
      const { node, call } = await startApi(test);
      const client = node.connect();
      await client.subscribe("a");
      const answer = await call("events", { body });
      assert.equal(answer.status, status);
      assert.ok(answer.text.startsWith(`${reason}: `), answer.text);
      assert.deepEqual(client.transport.take(), []);
      assert.deepEqual(node.reports.of("publish_refused").at(-1), publishRefused(reason));
    });
  }

  it("V12: 100 channels are taken, 101 are not; a bad name refuses all; both are counted", async (test) => {
    const { call, node } = await startApi(test);
    const channels = Array.from({ length: 101 }, (_, index) => `c${index}`);
    assert.equal(
      (await call("events", { body: { ...event, channels: channels.slice(1) } })).status,
      200,
    );
    assert.equal((await call("events", { body: { ...event, channels } })).status, 422);
    assert.equal(
      (await call("events", { body: { ...event, channels: ["a", "b c"] } })).status,
      422,
    );
    assert.deepEqual(node.reports.of("publish_refused"), [
      publishRefused("too_many_channels"),
      publishRefused("invalid_channel"),
    ]);
  });

  it("V14: a publish refused for one channel or item is delivered to none of the others", async (test) => {
    const { node, call } = await startApi(test);
    const client = node.connect();
    await client.subscribe("a");
    const others = Array.from({ length: 100 }, (_, index) => `c${index}`);
    for (const channels of [
      ["a", "b c"],
      ["a", "x".repeat(257)],
      ["a", ...others],
    ]) {
      assert.equal((await call("events", { body: { ...event, channels } })).status, 422);
    }
    const item = { name: "e", data: "d", channel: "a" };
    for (const wrong of [
      { ...item, channel: "b c" },
      { ...item, name: "x".repeat(201) },
    ]) {
      const { status } = await call("batch_events", { body: { batch: [item, wrong] } });
      assert.equal(status, 422);
    }
    assert.deepEqual(client.transport.take(), []);
  });

  it("V19: whoever can sign in can be published to; what nobody can sign in as is 422", async (test) => {
    const { node, call, sdk } = await startApi(test);
    for (const id of ["7", "auth0|12", "jürgen", "a b", "😀", "a/b", "x".repeat(240)]) {
      const { transport, connection } = node.connect();
      node.hub.users.signIn(connection, { id, info: {}, watchlist: [] }, () => {});
      assert.equal((await sdk.sendToUser(id, "e", { text: "d" })).status, 200, id);
      assert.equal(transport.take().at(-1)?.["channel"], `#server-to-user-${id}`);
    }
    for (const channel of ["#server-to-user-", `#server-to-user-${"x".repeat(241)}`, "#other"]) {
      const { status } = await call("events", { body: { ...event, channels: [channel] } });
      assert.equal(status, 422, channel);
    }
  });

  it("the limits are options", async (test) => {
    const { call } = await startApi(test, {
      app: { maxEventNameLength: 1, maxEventDataBytes: 3, maxChannelsPerPublish: 1 },
    });
    assert.equal((await call("events", { body: event })).status, 200);
    assert.equal((await call("events", { body: { ...event, name: "ee" } })).status, 422);
    assert.equal((await call("events", { body: { ...event, data: "dddd" } })).status, 413);
    assert.equal((await call("events", { body: { ...event, channels: ["a", "b"] } })).status, 422);
  });

  it("V10: a body over the limit is answered 413 Payload too large.", async (test) => {
    const { call, node } = await startApi(test, { maxBodyBytes: 1000 });
    const { status, text } = await call("events", { body: { ...event, data: "x".repeat(1000) } });
    assert.equal(status, 413);
    assert.deepEqual(
      node.reports.of("publish_refused").at(-1),
      publishRefused("payload_too_large"),
    );
    assert.equal(text, "Payload too large.");
  });

  it("V13: more publishing requests than the app's rate are answered 429 rate_limited", async (test) => {
    const { call, node } = await startApi(test, {
      app: { publishRate: { perSecond: 0.001, burst: 2 } },
    });
    const client = node.connect();
    await client.subscribe("a");
    const batch = [{ name: "e", data: "d", channel: "a" }];
    assert.equal((await call("events", { body: event })).status, 200);
    assert.equal((await call("batch_events", { body: { batch } })).status, 200);
    const { status, text, headers } = await call("events", { body: event });
    assert.equal(status, 429);
    assert.ok(text.startsWith("rate_limited: "), text);
    assert.equal(headers["retry-after"], "1");
    assert.equal((await call("channels")).status, 200, "only publishing counts");
    assert.equal(client.transport.take().length, 2);
  });

  it("V13: a step of the wall clock gives nobody more of the rate", async (test) => {
    let unixSeconds = nowSeconds;
    const { call } = await startApi(test, {
      app: { publishRate: { perSecond: 1, burst: 1 } },
      nowSeconds: () => unixSeconds,
    });
    assert.equal((await call("events", { body: event })).status, 200);
    unixSeconds += 200;
    assert.equal((await call("events", { body: event })).status, 429);
  });

  it("encodes an event's data once, however many channels it goes to", async (test) => {
    const { call } = await startApi(test);
    const data = "x".repeat(1_000);
    const channels = Array.from({ length: 100 }, (_, index) => `c${index}`);
    const body = JSON.stringify({ name: "e", data, channels });
    const stringify = test.mock.method(JSON, "stringify");
    assert.equal((await call("events", { body })).status, 200);
    const ofData = stringify.mock.calls.filter(({ arguments: [value] }) => value === data);
    assert.equal(ofData.length, 1);
  });

  for (const reason of ["broker_failed", "broker_queue_full"] satisfies BrokerFault[]) {
    it(`V17: ${reason}: 503 with the reason, so that the publisher tries again`, async (test) => {
      const broker: Broker = {
        publish: () => Promise.resolve({ ok: false, reason }),
        relay() {},
        deliverHere() {},
        lastEvent: () => Promise.resolve(null),
        terminate: () => Promise.resolve({ ok: false, reason }),
        close: () => Promise.resolve(),
      };
      const { call, node } = await startApi(test, { broker });
      for (const [route, body] of [
        ["events", event],
        ["batch_events", { batch: [{ name: "e", data: "d", channel: "a" }] }],
      ] as const) {
        const { status, text, headers } = await call(route, { body });
        assert.equal(status, 503);
        assert.ok(text.startsWith(`${reason}: `), text);
        assert.equal(headers["retry-after"], "1");
        assert.deepEqual(node.reports.of("publish_refused").at(-1), publishRefused(reason));
      }
    });
  }
});

describe("POST /apps/{id}/batch_events", () => {
  const item = { name: "e", data: "d", channel: "a" };

  it("B01, B05: delivers all in order, each without its socket_id", async (test) => {
    const { node, call } = await startApi(test);
    const [one, two] = [node.connect(), node.connect()];
    for (const client of [one, two]) for (const name of ["a", "b"]) await client.subscribe(name);
    for (const client of [one, two]) client.transport.take();
    const batch = [item, { ...item, channel: "b", socket_id: one.socketId }];
    const { status, text } = await call("batch_events", { body: { batch } });
    assert.equal(status, 200);
    assert.equal(text, "{}");
    assert.equal(one.transport.take().length, 1);
    assert.deepEqual(
      two.transport.take().map((message) => message["channel"]),
      ["a", "b"],
    );
  });

  it("B02: info of some items, aligned by index", async (test) => {
    const { node, sdk } = await startApi(test);
    await node.connect().subscribe("presence-a", '{"user_id":"1"}');
    const answer = await sdk.triggerBatch([
      { name: "e", data: "d", channel: "presence-a", info: "user_count" },
      { name: "e", data: "d", channel: "a" },
    ]);
    assert.deepEqual(await answer.json(), { batch: [{ user_count: 1 }, {}] });
  });

  it("B03: no batch", async (test) => {
    const { call } = await startApi(test);
    for (const body of [{}, { batch: [] }, { batch: null }]) {
      const { status, text } = await call("batch_events", { body });
      assert.equal(status, 422);
      assert.deepEqual(JSON.parse(text), { batch: ["The batch field is required."] });
    }
    assert.equal((await call("batch_events", { body: { batch: {} } })).status, 422);
  });

  it("B04: one bad item refuses the whole batch, naming the fields", async (test) => {
    const { node, call } = await startApi(test);
    const client = node.connect();
    await client.subscribe("a");
    const batch = [item, { data: 5, socket_id: 1 }, "x"];
    const { status, text } = await call("batch_events", { body: { batch } });
    assert.equal(status, 422);
    assert.deepEqual(Object.keys(JSON.parse(text)), [
      "batch.1.name",
      "batch.1.data",
      "batch.1.channel",
      "batch.1.socket_id",
      "batch.2.name",
      "batch.2.data",
      "batch.2.channel",
    ]);
    const tooLong = [item, { ...item, name: "x".repeat(201) }];
    assert.equal((await call("batch_events", { body: { batch: tooLong } })).status, 422);
    assert.equal((await call("batch_events", { body: "[" })).status, 400);
    assert.deepEqual(client.transport.take(), []);
  });
});

describe("what is reported of an API request", () => {
  it("its route, status and time, whatever the answer is", async (test) => {
    let clockMs = 0;
    const { call, node } = await startApi(test, { now: () => (clockMs += 5) });
    await call("events", { body: event });
    await call("channels/a", { secret: "wrong" });
    await call("", { path: "/apps/nope/channels/a/users" });
    await call("connections", { method: "DELETE" });
    const reported = node.reports.of("api_request_finished");
    assert.deepEqual(
      reported.map(({ route, status }) => [route, status]),
      [
        ["events", 200],
        ["channels/{channel}", 401],
        ["channels/{channel}/users", 404],
        ["connections", 405],
      ],
    );
    assert.ok(reported.every(({ durationMs }) => durationMs > 0));
  });

  it("a publish counts its events for each channel, whether anybody is there or not, once the broker took them", async (test) => {
    const { call, node } = await startApi(test);
    const two = { ...event, channels: ["a", "b"] };
    await call("events", { body: two });
    await call("batch_events", { body: { batch: [{ name: "e", data: "d", channel: "c" }] } });
    await call("events", { body: { ...event, channels: ["a b"] } });
    const published = node.reports.of("messages_published");
    assert.deepEqual(
      published.map(({ appId, messages }) => [appId, messages]),
      [
        ["app-id", 2],
        ["app-id", 1],
      ],
    );
  });

  it("of a publish, how long it was checked and how long the broker took it", async (test) => {
    const clock = { nowMs: 0 };
    const { call, node } = await startApi(test, {
      now: () => clock.nowMs,
      broker: {
        ...createTestNode().broker,
        publish() {
          clock.nowMs += 7;
          return Promise.resolve({ ok: true });
        },
      },
    });
    await call("events", { body: event });
    const [published] = node.reports.of("messages_published");
    assert.deepEqual([published?.validateMs, published?.brokerMs], [0, 7]);
  });
});

describe("GET /apps/{id}/…", () => {
  async function startOccupied(test: TestContext) {
    const api = await startApi(test);
    const [one, two] = [api.node.connect(), api.node.connect()];
    await one.subscribe("a");
    await two.subscribe("a");
    await one.subscribe("presence-x", '{"user_id":1}');
    await two.subscribe("presence-x", '{"user_id":1}');
    return { ...api, one, two };
  }

  it("G01, G02: channels, with info and prefix", async (test) => {
    const { sdk } = await startOccupied(test);
    const all = await sdk.get({ path: "/channels", params: { info: "user_count" } });
    assert.deepEqual(await all.json(), { channels: { a: {}, "presence-x": { user_count: 1 } } });
    const params = { info: "occupied,subscription_count" };
    const occupied = await sdk.get({ path: "/channels", params });
    assert.deepEqual(await occupied.json(), {
      channels: { a: { occupied: true, subscription_count: 2 }, "presence-x": { occupied: true } },
    });
    const some = await sdk.get({ path: "/channels", params: { filter_by_prefix: "presence-" } });
    assert.deepEqual(await some.json(), { channels: { "presence-x": {} } });
  });

  it("G03: nothing occupied is an empty object", async (test) => {
    const { call } = await startApi(test);
    assert.equal((await call("channels")).text, '{"channels":{}}');
  });

  it("G04, G05, G06: one channel", async (test) => {
    const { call } = await startOccupied(test);
    const query = { info: "user_count,subscription_count" };
    const open = await call("channels/a", { query });
    assert.equal(open.text, '{"occupied":true,"subscription_count":2}');
    assert.equal(open.headers["content-length"], "40");
    const presence = await call("channels/presence-x", { query });
    assert.equal(presence.text, '{"occupied":true,"user_count":1}');
    const vacant = await call("channels/vacant", { query });
    assert.equal(vacant.status, 200);
    assert.equal(vacant.text, '{"occupied":false,"subscription_count":0}');
    assert.equal((await call("channels/vacant")).text, '{"occupied":false}');
    const empty = await call("channels/presence-vacant", { query });
    assert.equal(empty.text, '{"occupied":false,"user_count":0}');
  });

  it("K07: info=cache gives a cache channel's last event and how long it is kept", async (test) => {
    const { call, sdk, node } = await startApi(test);
    const query = { info: "cache" };
    await node.connect().subscribe("cache-x");
    assert.equal((await call("channels/cache-x", { query })).text, '{"occupied":true}');
    await sdk.trigger("cache-x", "e", "d");
    const { cache } = JSON.parse((await call("channels/cache-x", { query })).text);
    assert.equal(cache.data, "d");
    assert.ok(cache.ttl > 1790 && cache.ttl <= 1800, String(cache.ttl));
    const answer = await sdk.trigger(["cache-x", "a"], "e", "d2", { info: "cache" });
    const { channels } = JSON.parse(await answer.text());
    assert.equal(channels["cache-x"].cache.data, "d2");
    assert.deepEqual(channels.a, {});
  });

  it("G07, G08: users, each once, of presence channels only", async (test) => {
    const { call, one } = await startOccupied(test);
    assert.equal((await call("channels/presence-x/users")).text, '{"users":[{"id":1}]}');
    const open = await call("channels/a/users");
    assert.deepEqual([open.status, open.text], [400, "{}"]);
    const unknown = await call("channels/presence-y/users");
    assert.deepEqual([unknown.status, unknown.text], [404, "{}"]);
    // S16: a refused subscribe leaves nothing that could be seen here.
    await one.say({
      event: "pusher:subscribe",
      data: { channel: "presence-y", auth: "app-key:0" },
    });
    assert.equal((await call("channels/presence-y/users")).status, 404);
  });

  it("a channel's name may be percent-encoded", async (test) => {
    const { call } = await startOccupied(test);
    const path = "/apps/app-id/channels/presence%2Dx";
    assert.equal((await call("", { path })).text, '{"occupied":true}');
  });

  it("G09, G10: connections and channels end with their connections", async (test) => {
    const { call, one, two } = await startOccupied(test);
    assert.equal((await call("connections")).text, '{"connections":2}');
    one.disconnect();
    two.disconnect();
    assert.equal((await call("connections")).text, '{"connections":0}');
    assert.equal((await call("channels")).text, '{"channels":{}}');
  });
});

describe("POST /apps/{id}/users/{user}/terminate_connections", () => {
  for (const id of ["auth0|12", "jürgen", "a b", "😀", "a/b", "100%", "a%20b", "x"]) {
    it(`A13, T04: ${id} as the SDKs sign and send it, which is raw and percent-encoded`, async (test) => {
      const { node, call } = await startApi(test);
      const user = node.connect();
      await user.subscribe("presence-x", JSON.stringify({ user_id: id }));
      const signedPath = `/apps/app-id/users/${id}/terminate_connections`;
      const path = `/apps/app-id/users/${encodeURIComponent(id)}/terminate_connections`;
      assert.equal((await call("", { path, signedPath, body: {} })).status, 200);
      assert.equal(user.transport.closed?.code, 4009);
      assert.equal((await call("", { path, body: {} })).status, 200, "signed as it is sent");
      const other = `/apps/app-id/users/${encodeURIComponent(id)}2/terminate_connections`;
      assert.equal((await call("", { path: other, signedPath, body: {} })).status, 401);
    });
  }

  it("T04: the Node SDK's calls are taken for ids of any alphabet", async (test) => {
    const { node, sdk } = await startApi(test);
    for (const id of ["auth0|12", "jürgen", "a b", "😀"]) {
      const user = node.connect();
      await user.subscribe("presence-x", JSON.stringify({ user_id: id }));
      assert.equal((await sdk.terminateUserConnections(id)).status, 200, id);
      assert.equal(user.transport.closed?.code, 4009);
    }
  });

  it("T01, T03: closes the user's connections; an unknown user is no fault", async (test) => {
    const { node, sdk } = await startApi(test);
    const [user, other] = [node.connect(), node.connect()];
    await user.subscribe("presence-x", '{"user_id":456}');
    await other.subscribe("presence-x", '{"user_id":"7"}');
    const answer = await sdk.terminateUserConnections("456");
    assert.equal(await answer.text(), "{}");
    assert.equal(user.transport.closed?.code, 4009);
    assert.equal(other.transport.closed, null);
    assert.equal((await sdk.terminateUserConnections("nobody")).status, 200);
  });
});
