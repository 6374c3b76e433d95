/** Each refusal of a running node: what the refused one is told, the line of /metrics that counts it, and that of the log. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { errors, messageTooLong } from "../../sidecar/core/errors.ts";
import { until } from "../../sidecar/testing/eventually.ts";
import { connectRaw } from "../../sidecar/testing/raw-http.ts";
import { connectClient, openClient, type Client, type OpenClient } from "../kit/client.ts";
import { signChannel, signUser } from "../kit/sign.ts";
import { app, startApp, startSidecar } from "../kit/start.ts";

type Node = Awaited<ReturnType<typeof startNode>>;

async function startNode(test: TestContext, env: Readonly<Record<string, string>> = {}) {
  const sidecar = await startSidecar(test, { POGO_SHUTDOWN_TIMEOUT: "200ms", ...env });
  const counted = async (line: string): Promise<boolean> =>
    (await sidecar.metrics()).split("\n").includes(line);
  return {
    ...sidecar,
    test,
    connect: () => connectClient(test, sidecar.port),
    /** Posts to the API as the app; what it is answered. */
    async post(path: string, body: unknown): Promise<Told> {
      const { status, text } = await sidecar.call(path, { body });
      return { code: status, text };
    },
    counted,
    willCount: (line: string) => until(line, () => counted(line)),
  };
}

/** The next `pusher:error`, or the handshake's answer in HTTP. */
function refusalOf(client: OpenClient): Promise<Told> {
  const inHttp = client.answered.then(({ status, text }) => ({ code: status, text }));
  const error = client.next("pusher:error").then(({ data }) => {
    const { code, message } = Object(data);
    return { code, text: message };
  });
  return Promise.race([inHttp, error]);
}

async function closeOf({ close }: OpenClient): Promise<Told> {
  const { code, reason } = await close;
  return { code, text: reason };
}

/** Signed, with another secret where one is given. */
function subscribe(client: Client, channel: string, channelData?: string, secret = app.secret) {
  const proof = signChannel({ ...app, secret }, client.socketId, channel, channelData);
  client.say("pusher:subscribe", { channel, ...proof });
}

interface Told {
  readonly code: number;
  readonly text: string;
}

interface Refusal {
  readonly title: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Brings it about, and resolves with what the refused one is told. */
  readonly bring: (node: Node) => Promise<Told>;
  readonly code: number;
  readonly text: string | RegExp;
  /** Names and labels; each is 1. */
  readonly metrics: readonly string[];
  /** Ordinary: nothing is to be done about it, and nothing is logged at `info`. */
  readonly isQuiet?: true;
}

const errorSent = (code: number, reason: string, appId = app.id): string =>
  `pogo_websocket_errors_sent_total{app_id="${appId}",code="${code}",reason="${reason}"}`;
const handshakeRefused = (reason: string, appId = ""): string =>
  `pogo_websocket_handshakes_refused_total{app_id="${appId}",reason="${reason}"}`;
const authFailed = (reason: string): string =>
  `pogo_websocket_auth_failures_total{app_id="app-id",reason="${reason}"}`;
const publishFailed = (reason: string): string =>
  `pogo_websocket_publish_failures_total{app_id="app-id",reason="${reason}"}`;
const signatureRefused = (reason: string): string =>
  `pogo_api_signatures_refused_total{app_id="app-id",reason="${reason}"}`;
const webhookDropped = (reason: string): string =>
  `pogo_websocket_webhook_dropped_total{app_id="app-id",reason="${reason}"}`;

const clientEvent = { event: "client-x", channel: "a", data: {} };
const subscribeTo = (channel: string) => ({ event: "pusher:subscribe", data: { channel } });

/** One client says this, and is told that. */
function saying(...messages: (object | string)[]): Refusal["bring"] {
  return async (node) => {
    const client = await node.connect();
    for (const message of messages) client.send(message);
    return refusalOf(client);
  };
}

const handshakes: readonly Refusal[] = [
  {
    title: "a node that drains",
    isQuiet: true,
    env: { POGO_SHUTDOWN_TIMEOUT: "3s" },
    bring: async (node) => {
      // Requests that have begun; the other one keeps the node from being done.
      const [raw, other] = [
        await connectRaw(node.test, node.port),
        await connectRaw(node.test, node.port),
      ];
      for (const each of [raw, other]) each.write("GET /app/app-key HTTP/1.1\r\nHost: a\r\n");
      await node.connect();
      void node.stop();
      raw.write("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      const text = await raw.until("Server is shutting down.");
      return { code: Number(text.split(" ")[1]), text };
    },
    code: 503,
    text: /\r\n\r\nServer is shutting down\.$/,
    metrics: [handshakeRefused("draining"), "pogo_draining"],
  },
  {
    title: "too many handshakes of one address",
    env: { POGO_HANDSHAKE_RATE: "0.001", POGO_HANDSHAKE_BURST: "1" },
    bring: async (node) => {
      await node.connect();
      return refusalOf(openClient(node.test, node.port));
    },
    code: 429,
    text: "Too many connection attempts.",
    metrics: [handshakeRefused("rate_limit")],
  },
  {
    title: "C07: an unknown key",
    bring: (node) => refusalOf(openClient(node.test, node.port, { path: "/app/nope" })),
    code: 4001,
    text: "Application does not exist",
    metrics: [handshakeRefused("unknown_key"), errorSent(4001, "application_does_not_exist", "")],
  },
  {
    title: "C15: over the node's capacity",
    env: { POGO_MAX_CONNECTIONS: "1" },
    bring: async (node) => {
      await node.connect();
      return refusalOf(openClient(node.test, node.port));
    },
    code: 4100,
    text: "Server is over capacity",
    metrics: [handshakeRefused("over_capacity", "app-id"), errorSent(4100, "over_capacity")],
  },
  {
    title: "C15: over the app's quota",
    env: { POGO_APP_MAX_CONNECTIONS: "1" },
    bring: async (node) => {
      await node.connect();
      return refusalOf(openClient(node.test, node.port));
    },
    code: 4004,
    text: "Application is over connection quota",
    metrics: [handshakeRefused("over_quota", "app-id"), errorSent(4004, "over_connection_quota")],
  },
  {
    title: "C09: a foreign origin",
    env: { POGO_ALLOWED_ORIGINS: "a.test" },
    bring: (node) =>
      refusalOf(openClient(node.test, node.port, { headers: { Origin: "http://b.test" } })),
    code: 4009,
    text: "Origin not allowed",
    metrics: [handshakeRefused("origin", "app-id"), errorSent(4009, "origin_not_allowed")],
  },
];

const messages: readonly Refusal[] = [
  {
    title: "X03: what is no message",
    bring: saying("garbage"),
    code: 4200,
    text: "Invalid message format",
    metrics: [errorSent(4200, "invalid_message_format")],
  },
  {
    title: "X04: a message that is too long",
    env: { POGO_MAX_MESSAGE_SIZE: "100" },
    bring: async (node) => {
      const client = await node.connect();
      client.send("x".repeat(101));
      return refusalOf(client);
    },
    code: 4306,
    text: "Message is too long",
    metrics: [errorSent(4306, "message_too_long")],
  },
  {
    title: "X04: a message that is more than twice too long",
    env: { POGO_MAX_MESSAGE_SIZE: "100" },
    bring: async (node) => {
      const client = await node.connect();
      client.send("x".repeat(201));
      return closeOf(client);
    },
    code: 1009,
    text: "Maximum message size exceeded",
    metrics: [errorSent(1009, "message_too_long")],
  },
  {
    title: "S04: a channel's name",
    bring: saying(subscribeTo("a b")),
    code: 4200,
    text: "Invalid channel name",
    metrics: [errorSent(4200, "invalid_channel_name")],
  },
  {
    title: "S07: a wrong signature",
    bring: async (node) => {
      const client = await node.connect();
      subscribe(client, "private-a", undefined, "wrong");
      return refusalOf(client);
    },
    code: 4009,
    text: "Connection is unauthorized",
    metrics: [errorSent(4009, "unauthorized"), authFailed("invalid_signature")],
  },
  {
    title: "S07: none, and no app to ask",
    bring: saying(subscribeTo("private-a")),
    code: 4009,
    text: "Connection is unauthorized",
    metrics: [errorSent(4009, "unauthorized"), authFailed("missing_signature")],
  },
  {
    title: "none, and an app that can't be asked",
    env: { POGO_UPSTREAM: "http://127.0.0.1:9", POGO_AUTH_RETRY_FOR: "0" },
    bring: saying(subscribeTo("private-a")),
    code: 4009,
    text: "Connection is unauthorized",
    metrics: [errorSent(4009, "authorization_unavailable"), authFailed("dispatch_error")],
  },
  {
    title: "U05: a watchlist that is too long",
    bring: async (node) => {
      const client = await node.connect();
      const watchlist = Array.from({ length: 101 }, (_, index) => String(index));
      client.say("pusher:signin", signUser(app, client.socketId, { id: "1", watchlist }));
      return refusalOf(client);
    },
    code: 4305,
    text: "Watchlist has more than 100 users",
    metrics: [errorSent(4305, "watchlist_too_long")],
  },
  {
    title: "U09: a signin that nobody can answer for",
    env: { POGO_UPSTREAM: "http://127.0.0.1:9", POGO_AUTH_RETRY_FOR: "0" },
    bring: saying({ event: "pusher:signin", data: {} }),
    code: 4202,
    text: "Authentication is unavailable",
    metrics: [errorSent(4202, "authentication_unavailable"), authFailed("dispatch_error")],
  },
  {
    title: "E03: a client event of who is not in the channel",
    bring: saying(clientEvent),
    code: 4009,
    text: "The client is not a member of the specified channel.",
    metrics: [errorSent(4009, "not_a_member")],
  },
  {
    title: "E04: a client event where there are none",
    env: { POGO_ACCEPT_CLIENT_EVENTS_FROM: "none" },
    bring: saying(clientEvent),
    code: 4301,
    text: "The app does not have client messaging enabled.",
    metrics: [errorSent(4301, "client_events_disabled")],
  },
  {
    title: "a client event on a public channel, by Pusher's own rule",
    env: { POGO_ACCEPT_CLIENT_EVENTS_FROM: "private" },
    bring: saying(subscribeTo("a"), clientEvent),
    code: 4009,
    text: "Client events are only allowed on private and presence channels without encryption.",
    metrics: [errorSent(4009, "client_event_not_allowed_here")],
  },
  {
    title: "too many client events",
    env: { POGO_CLIENT_MSG_RATE_LIMIT: "0.001", POGO_CLIENT_MSG_RATE_BURST: "1" },
    bring: saying(subscribeTo("a"), clientEvent, clientEvent),
    code: 4301,
    text: "Rate limit exceeded",
    metrics: [errorSent(4301, "client_event_rate_exceeded")],
  },
  {
    title: "L01: too many messages",
    env: { POGO_RATE_LIMITING_ENABLED: "true", POGO_RATE_LIMIT_MAX_ATTEMPTS: "1" },
    bring: saying(subscribeTo("a"), subscribeTo("b")),
    code: 4301,
    text: "Rate limit exceeded",
    metrics: [errorSent(4301, "rate_limit_exceeded")],
  },
  {
    title: "L02: too many messages, where that ends the connection",
    env: {
      POGO_RATE_LIMITING_ENABLED: "true",
      POGO_RATE_LIMIT_MAX_ATTEMPTS: "1",
      POGO_RATE_LIMIT_TERMINATE: "true",
    },
    bring: async (node) => {
      const client = await node.connect();
      for (const channel of ["a", "b"]) client.send(subscribeTo(channel));
      assert.equal(await client.closed(), 4100);
      return refusalOf(client);
    },
    code: 4301,
    text: "Rate limit exceeded",
    metrics: [errorSent(4301, "rate_limit_terminated")],
  },
  {
    title: "E17: a client event with a name that is too long",
    env: { POGO_MAX_EVENT_NAME_LENGTH: "7" },
    bring: saying(subscribeTo("a"), clientEvent),
    code: 4307,
    text: "Event name is too long",
    metrics: [errorSent(4307, "event_name_too_long")],
  },
  {
    title: "E17: a client event with too much data",
    env: { POGO_MAX_EVENT_DATA: "1" },
    bring: saying(subscribeTo("a"), clientEvent),
    code: 4308,
    text: "Event data is too large",
    metrics: [errorSent(4308, "event_data_too_large")],
  },
  {
    title: "S18: too many channels that are subscribed to again and again",
    bring: async (node) => {
      const client = await node.connect();
      const isRefused = () => client.messages.some(({ event }) => event === "pusher:error");
      for (;;) {
        for (let i = 0; i < 17 * 4; i++) client.send(subscribeTo(`cache-${i >> 2}`));
        await client.roundTrip();
        if (isRefused()) break;
        // A tick came in between. By the one after the next nothing waits any more.
        await sleep(2_000);
      }
      return refusalOf(client);
    },
    code: 4301,
    text: "Rate limit exceeded",
    metrics: [errorSent(4301, "repeat_rate_exceeded")],
  },
  {
    title: "L09: too many subscriptions on the node",
    env: { POGO_MAX_SUBSCRIPTIONS: "1" },
    bring: saying(subscribeTo("a"), subscribeTo("b")),
    code: 4100,
    text: "Server is over capacity",
    metrics: [errorSent(4100, "too_many_subscriptions")],
  },
  {
    title: "U14: a user id that is too long",
    bring: async (node) => {
      const client = await node.connect();
      client.say("pusher:signin", signUser(app, client.socketId, { id: "x".repeat(241) }));
      return refusalOf(client);
    },
    code: 4200,
    text: "Invalid user id",
    metrics: [errorSent(4200, "invalid_user_id")],
  },
  {
    title: "L04: too many channels",
    env: { POGO_MAX_CHANNELS_PER_CONNECTION: "1" },
    bring: saying(subscribeTo("a"), subscribeTo("b")),
    code: 4302,
    text: "Too many channels on this connection",
    metrics: [errorSent(4302, "too_many_channels")],
  },
  {
    title: "L05: a presence channel that is full",
    env: { POGO_MAX_PRESENCE_MEMBERS: "1" },
    bring: async (node) => {
      const client = await node.connect();
      subscribe(client, "presence-a", '{"user_id":"1"}');
      const other = await node.connect();
      subscribe(other, "presence-a", '{"user_id":"2"}');
      return refusalOf(other);
    },
    code: 4303,
    text: "Presence channel is full",
    metrics: [errorSent(4303, "presence_channel_full")],
  },
  {
    title: "L06: a member that is too large",
    env: { POGO_MAX_PRESENCE_MEMBER_SIZE: "20" },
    bring: async (node) => {
      const client = await node.connect();
      subscribe(client, "presence-a", '{"user_id":"1","user_info":{}}');
      return refusalOf(client);
    },
    code: 4304,
    text: "Presence member is too large",
    metrics: [errorSent(4304, "member_too_large")],
  },
  {
    title: "H02: a client that does not answer its ping",
    isQuiet: true,
    env: { POGO_PING_PERIOD: "100ms", POGO_PONG_WAIT: "200ms" },
    bring: async (node) => refusalOf(await node.connect()),
    code: 4201,
    text: "Pong reply not received in time",
    metrics: [errorSent(4201, "pong_timeout")],
  },
  {
    title: "T01: a user whose connections are terminated",
    isQuiet: true,
    bring: async (node) => {
      const client = await node.connect();
      subscribe(client, "presence-a", '{"user_id":"7"}');
      await node.willCount('pogo_websocket_subscriptions_active{app_id="app-id"} 1');
      await node.post("users/7/terminate_connections", {});
      return refusalOf(client);
    },
    code: 4009,
    text: "Connection terminated by the application",
    metrics: [errorSent(4009, "terminated")],
  },
  {
    title: "a client that reads too slowly",
    env: { POGO_OUTBOUND_QUEUE_BYTES: "1024", POGO_WRITE_WAIT: "100ms" },
    bring: async (node) => {
      const client = await node.connect();
      client.send(subscribeTo("a"));
      await node.willCount('pogo_websocket_subscriptions_active{app_id="app-id"} 1');
      client.socket.pause();
      const event = { name: "e", channel: "a", data: "x".repeat(262_144) };
      const labels = 'app_id="app-id",reason="queue_full",kind="prepared"';
      const dropped = `pogo_websocket_client_dropped_messages_total{${labels}} 1`;
      // What the kernel holds for it has to be full first.
      while (!(await node.counted(dropped))) await node.post("events", event);
      await node.willCount(`${errorSent(4100, "slow_consumer")} 1`);
      client.socket.resume();
      return closeOf(client);
    },
    code: 4100,
    text: "Connection is too slow",
    metrics: [errorSent(4100, "slow_consumer")],
  },
];

const event = { name: "e", channel: "a", data: "d" };

function posting(body: unknown): Refusal["bring"] {
  return (node) => node.post("events", body);
}

const publishes: readonly Refusal[] = [
  {
    title: "V06: an event without data",
    bring: posting({ name: "e", channel: "a" }),
    code: 422,
    text: '{"data":["The data field is required."]}',
    metrics: [publishFailed("invalid_fields")],
  },
  {
    title: "B03: a batch of nothing",
    bring: (node) => node.post("batch_events", {}),
    code: 422,
    text: '{"batch":["The batch field is required."]}',
    metrics: [publishFailed("invalid_fields")],
  },
  {
    title: "V09: what is no JSON",
    bring: posting("garbage"),
    code: 400,
    text: "invalid_payload_json: The request body must be a JSON object.",
    metrics: [publishFailed("invalid_payload_json")],
  },
  {
    title: "V10: a body that is too long",
    env: { POGO_MAX_REQUEST_SIZE: "100" },
    bring: posting({ ...event, data: "x".repeat(100) }),
    code: 413,
    text: "Payload too large.",
    metrics: [publishFailed("payload_too_large")],
  },
  {
    title: "V12: too many channels",
    env: { POGO_MAX_CHANNELS_PER_EVENT: "1" },
    bring: posting({ name: "e", channels: ["a", "b"], data: "d" }),
    code: 422,
    text: '{"channels":["The channels field must not have more than 1 items."]}',
    metrics: [publishFailed("too_many_channels")],
  },
  {
    title: "V12: a channel's name",
    bring: posting({ ...event, channel: "a b" }),
    code: 422,
    text: /^\{"channels":\["A channel name may only have the characters/,
    metrics: [publishFailed("invalid_channel")],
  },
  {
    title: "a channel's name that is too long",
    bring: posting({ ...event, channel: "a".repeat(257) }),
    code: 422,
    text: "channel_too_long: A channel name may have at most 256 characters.",
    metrics: [publishFailed("channel_too_long")],
  },
  {
    title: "an event's name that is too long",
    env: { POGO_MAX_EVENT_NAME_LENGTH: "2" },
    bring: posting({ ...event, name: "eee" }),
    code: 422,
    text: /^event_too_long: An event name may have at most 2 characters/,
    metrics: [publishFailed("event_too_long")],
  },
  {
    title: "data that is too long",
    env: { POGO_MAX_EVENT_DATA: "2" },
    bring: posting({ ...event, data: "ddd" }),
    code: 413,
    text: /^payload_too_large: The data of an event may have at most 2 bytes, it has 3/,
    metrics: [publishFailed("payload_too_large")],
  },
  {
    title: "V13: too many publishes",
    env: { POGO_API_PUBLISH_RATE: "0.001", POGO_API_PUBLISH_BURST: "1" },
    bring: async (node) => {
      assert.equal((await node.post("events", event)).code, 200);
      return node.post("events", event);
    },
    code: 429,
    text: /^rate_limited: The app publishes faster than its limit/,
    metrics: [publishFailed("rate_limited")],
  },
];

const signatures: readonly Refusal[] = [
  ["auth_key", "other"],
  ["auth_version", "2.0"],
  ["auth_timestamp", "1"],
  ["auth_signature", "0"],
].map(([wrong = "", value = ""]) => ({
  title: `A01: a request whose ${wrong} is wrong`,
  bring: async ({ call }) => {
    const isSignature = wrong === "auth_signature";
    const { status, text } = await call("channels", {
      query: isSignature ? {} : { [wrong]: value },
      tamper: (params) => void (isSignature && (params[wrong] = value)),
    });
    return { code: status, text };
  },
  code: 401,
  text: "Authentication signature invalid.",
  metrics: [signatureRefused(wrong)],
}));

/** A line at `info` or above that is about a refusal; each failed request has one in the access log besides. */
function isRefusal({ level, msg }: Readonly<Record<string, unknown>>): boolean {
  return Number(level) >= 30 && msg !== "request" && msg !== "draining";
}

function describeRefusals(title: string, refusals: readonly Refusal[]): void {
  describe(`refusals: ${title}`, { concurrency: true }, () => {
    for (const { title, env, bring, code, text, metrics, isQuiet } of refusals) {
      it(`${title}: ${code}, counted, and logged once with what to do`, async (test) => {
        const node = await startNode(test, env);
        const started = node.lines.length;
        const told = await bring(node);
        const logged = node.lines.slice(started).filter(isRefusal);
        assert.equal(logged.length, isQuiet ? 0 : 1, JSON.stringify(logged));
        // Where a setting brings it about, its name is in the line.
        for (const { hint } of logged) {
          const names = Object.keys(env ?? {});
          assert.ok(
            names.length === 0 || names.some((name) => String(hint).includes(name)),
            String(hint),
          );
          assert.match(String(hint), /\w/);
        }
        assert.equal(told.code, code);
        if (typeof text === "string") assert.equal(told.text, text);
        else assert.match(told.text, text);
        for (const metric of metrics) assert.ok(await node.counted(`${metric} 1`), metric);
      });
    }
  });
}

describeRefusals("handshakes", handshakes);
describeRefusals("messages of clients", messages);
describeRefusals("publishes", publishes);
describeRefusals("signatures of requests", signatures);

describe("refusals: webhooks", { concurrency: true }, () => {
  /** An app whose endpoint answers so, or never. */
  async function startEndpoint(test: TestContext, status: number | null): Promise<string> {
    const url = await startApp(test, (_req, res) => {
      if (status !== null) res.writeHead(status).end();
    });
    return `${url}/hook`;
  }

  it("W07: what does not fit, and how much waits", async (test) => {
    const node = await startNode(test, {
      POGO_WEBHOOK_URL: await startEndpoint(test, null),
      POGO_WEBHOOK_QUEUE_SIZE: "1",
    });
    const client = await node.connect();
    for (const channel of ["a", "b"]) client.send(subscribeTo(channel));
    await node.willCount(`${webhookDropped("queue_full")} 1`);
    assert.ok(await node.counted('pogo_websocket_webhook_queue_depth{app_id="app-id"} 1'));
  });

  it("W06: what nobody took in time", async (test) => {
    const node = await startNode(test, {
      POGO_WEBHOOK_URL: await startEndpoint(test, 500),
      POGO_WEBHOOK_RETRY_FOR: "0",
    });
    const client = await node.connect();
    client.send(subscribeTo("a"));
    await node.willCount(`${webhookDropped("gave_up")} 1`);
    assert.ok(await node.counted('pogo_websocket_webhook_queue_depth{app_id="app-id"} 0'));
  });
});

describe("refusals", () => {
  it("each one of the catalogue is among these", () => {
    const counted = [...handshakes, ...messages].flatMap(({ metrics }) => metrics).join("\n");
    for (const { code, reason } of [...Object.values(errors), messageTooLong]) {
      assert.match(counted, new RegExp(`code="${code}",reason="${reason}"`));
    }
  });
});
