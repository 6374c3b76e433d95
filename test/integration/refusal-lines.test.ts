/** What a wrong setting brings about, in the app, in a page or in the proxy in front: one line in the log that says what mends it. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { waitFor } from "../../sidecar/testing/eventually.ts";
import { exchangeRaw } from "../../sidecar/testing/raw-http.ts";
import { requestOf } from "../../sidecar/testing/raw-upstream.ts";
import { connectClient } from "../kit/client.ts";
import { app, readQuestion, signedAnswer, startApp, startSidecar } from "../kit/start.ts";

type Node = Awaited<ReturnType<typeof startSidecar>>;

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Mistake {
  readonly title: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What the app answers to a question about a channel: status, header fields, body. */
  readonly answers?: (question: { socket_id: string; channel_name: string }) => Answer;
  readonly make: (node: Node, test: TestContext) => Promise<unknown>;
  /** The line's message and its hint; null: it stays quiet. */
  readonly says: { readonly message: string; readonly hint: RegExp } | null;
}

const refused = "a malformed or unsupported request was refused";
const unauthorized = "authorization by the app failed";
const key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";

const sending =
  (...bytes: string[]): Mistake["make"] =>
  ({ port }, test) =>
    exchangeRaw(test, port, bytes.join(""));

const get = (path: string, ...fields: string[]): Mistake["make"] =>
  sending(requestOf("GET", path, [...fields, "Connection: close"]));

/** A page subscribes to a channel without a signature, so that the app is asked. */
const subscribing =
  (channel = "private-a", headers: Readonly<Record<string, string>> = {}): Mistake["make"] =>
  async ({ port }, test) => {
    const client = await connectClient(test, port, headers);
    client.say("pusher:subscribe", { channel });
    await client.next("pusher:error");
  };

const answering =
  (status: number, headers = {}): (() => Answer) =>
  () => ({ status, headers });

const mistakes: readonly Mistake[] = [
  {
    title: "TLS to the plain port",
    make: sending(Buffer.from("1603010200010001fc0303", "hex").toString("latin1")),
    says: { message: refused, hint: /TLS/ },
  },
  {
    title: "a head that is too long",
    env: { POGO_MAX_HEADER_SIZE: "8192" },
    make: get("/", `Cookie: ${"x".repeat(10_000)}`),
    says: { message: refused, hint: /POGO_MAX_HEADER_SIZE/ },
  },
  ...[
    ["garbage", "garbage\r\n\r\n"],
    ["TRACE", requestOf("TRACE", "/", ["Connection: close"])],
    ["an expectation", requestOf("GET", "/", ["Expect: wonders", "Connection: close"])],
    ["another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
    ["no Host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"],
  ].map(([title = "", bytes = ""]): Mistake => ({
    title,
    make: sending(bytes),
    says: { message: refused, hint: /\w/ },
  })),
  {
    title: "a proxy in front that takes the Upgrade off",
    make: get("/app/app-key", key),
    says: {
      message: "a WebSocket handshake arrived that can't be taken for one",
      hint: /proxy_set_header Upgrade/,
    },
  },
  {
    title: "two slashes before /app",
    make: get("//app/app-key", key, "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    says: {
      message: "a WebSocket handshake arrived that can't be taken for one",
      hint: /wsPath|Upgrade/,
    },
  },
  {
    title: "a publish with an unknown app id",
    make: ({ call }) => call("events", { path: "/apps/nope/events", body: {} }),
    says: { message: "API request refused: no app has this id", hint: /REVERB_APP_ID/ },
  },
  {
    title: "auth without a key",
    make: async ({ port }, test) => {
      const client = await connectClient(test, port);
      client.say("pusher:subscribe", { channel: "private-a", auth: "nothing" });
      await client.next("pusher:error");
    },
    says: {
      message: "subscription or signin refused: its signature does not verify",
      hint: /no app key in front/,
    },
  },
  {
    title: "the app has no route",
    answers: answering(404),
    make: subscribing(),
    says: { message: unauthorized, hint: /POGO_AUTH_PATH/ },
  },
  {
    title: "the app redirects to its login page",
    answers: answering(302, { Location: "/login" }),
    make: subscribing(),
    says: { message: unauthorized, hint: /POGO_AUTH_PATH/ },
  },
  {
    title: "the route takes no POST",
    answers: answering(405),
    make: subscribing(),
    says: { message: unauthorized, hint: /POGO_AUTH_PATH/ },
  },
  {
    title: "the app wants a CSRF token",
    answers: answering(419),
    make: subscribing(),
    says: { message: unauthorized, hint: /POGO_AUTH_PATH.*validateCsrfTokens/ },
  },
  {
    title: "the app broadcasts to its log",
    answers: () => ({ status: 200, body: "{}" }),
    make: subscribing(),
    says: { message: unauthorized, hint: /BROADCAST_CONNECTION/ },
  },
  {
    title: "channel_data is not a text",
    answers: ({ socket_id, channel_name }) => ({
      status: 200,
      body: JSON.stringify({
        ...signedAnswer(socket_id, channel_name),
        channel_data: { user_id: 1 },
      }),
    }),
    make: subscribing("presence-a"),
    says: { message: unauthorized, hint: /\w/ },
  },
  {
    title: "a page of another origin",
    make: subscribing("private-a", { Origin: "http://elsewhere.test", Cookie: "a=b" }),
    says: { message: unauthorized, hint: /POGO_ALLOWED_ORIGINS.*\$http_host/ },
  },
  {
    title: "a user's own no",
    answers: answering(403),
    make: subscribing(),
    says: null,
  },
  {
    title: "a proxy in front that is not trusted",
    make: get("/", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"),
    says: {
      message: "X-Forwarded-* of a peer that is not trusted is ignored",
      hint: /POGO_TRUSTED_PROXIES/,
    },
  },
  {
    title: "a field with _ in its name",
    make: get("/", "X_Tenant: 7"),
    says: {
      message: "a header field with _ in its name was not passed on to the app",
      hint: /send it with -/,
    },
  },
];

describe("what a wrong setting brings about", { concurrency: true }, () => {
  for (const { title, env = {}, answers = answering(200), make, says } of mistakes) {
    it(`${title}: ${says ? "one line says what mends it, however often it happens" : "nothing at info"}`, async (test) => {
      const upstream = await startApp(test, async (req, res) => {
        const answer = answers?.(await readQuestion(req));
        res.writeHead(answer?.status ?? 200, answer?.headers).end(answer?.body);
      });
      const node = await startSidecar(test, {
        POGO_UPSTREAM: upstream,
        POGO_AUTH_RETRY_FOR: "0",
        ...env,
      });
      const started = node.lines.length;
      const lines = () =>
        node.lines
          .slice(started)
          .filter(({ level, msg }) => Number(level) >= 30 && msg !== "request");
      for (let time = 0; time < 2; time++) await make(node, test);
      if (!says) return assert.deepEqual(lines(), []);
      await waitFor(() => lines().length > 0);
      const [line, ...others] = lines();
      assert.deepEqual(others, []);
      assert.equal(line?.["msg"], says.message);
      assert.match(String(line?.["hint"]), says.hint);
      assert.doesNotMatch(JSON.stringify(line), new RegExp(app.secret));
    });
  }
});
