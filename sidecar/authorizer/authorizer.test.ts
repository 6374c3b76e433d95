import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { inspect } from "node:util";
import type { Authentication, Authorization, AuthorizationRequest } from "../core/ports.ts";
import { sign } from "../core/signature.ts";
import { createTestNode, testApp } from "../core/testing/doubles.ts";
import { listen, listenRaw } from "../testing/raw-http.ts";
import { createAuthorizer, type AuthorizerOptions } from "./authorizer.ts";
import { createForwarding } from "../http/forwarded.ts";
import { waitFor } from "../testing/eventually.ts";

const cookie = "laravel_session=s3cr3t%3D; XSRF-TOKEN=abc%3D";
const page = ["Host", "app.test", "Origin", "http://app.test", "Cookie", cookie];

/** What the app is asked about: whether a channel may be joined, or who somebody is. */
type Question = "channel" | "user";

interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** `text`, parsed. */
  readonly body: unknown;
  readonly answer: ServerResponse;
}

/** What the app answers; without one it stays silent. */
type Script = (request: SeenRequest) => void;

type RigOptions = Partial<AuthorizerOptions> & { readonly question?: Question };
type CreateRig = typeof createRig;

/** The same tests for either question: no guard may be missing before one of them. */
function describeBoth(title: string, body: (createRig: CreateRig) => void): void {
  for (const question of ["channel", "user"] as const) {
    describe(`${title}, about a ${question}`, () => {
      body((test, script, options) => createRig(test, script, { question, ...options }));
    });
  }
}

/** An app that answers by a script, an authorizer before it, and a clock in the test's hand. */
async function createRig(
  test: TestContext,
  script: Script = sayYes,
  { question = "channel", ...options }: RigOptions = {},
) {
  const rig = { script, nowMs: 0 };
  const seen: SeenRequest[] = [];
  const events: string[] = [];
  const outcomes: { reason: string; durationMs: number }[] = [];
  async function receive(req: IncomingMessage, answer: ServerResponse): Promise<void> {
    const text = await readText(req);
    const body: unknown = Object.fromEntries(new URLSearchParams(text));
    const request = { path: req.url ?? "", headers: req.headers, text, body, answer };
    seen.push(request);
    rig.script(request);
  }
  const server = createServer((req, answer) => void receive(req, answer));
  const port = await listen(test, server);
  const authorizer = createAuthorizer({
    upstream: { kind: "tcp", host: "127.0.0.1", port },
    authPath: "/broadcasting/auth",
    userAuthPath: "/broadcasting/user-auth",
    deadlineMs: 60_000,
    maxAnswerBytes: 16_384,
    maxHeadBytes: 16_384,
    appIds: [testApp.id],
    maxConcurrent: 100,
    maxConcurrentPerIp: 20,
    maxWaiting: 10_000,
    retryForMs: 0,
    breaker: { failures: 5, openMs: 10_000 },
    perVisitor: { maxFailures: 4, maxDenials: 20, windowMs: 10_000 },
    forwarding: createForwarding({ trustedProxies: [] }),
    now: () => rig.nowMs,
    report(event) {
      if (event.kind === "circuit_breaker_changed") events.push(event.state);
      if (event.kind === "authorization_finished") {
        outcomes.push({ reason: event.outcome, durationMs: event.durationMs });
        events.push(event.outcome);
      }
      if (event.kind === "authorization_withheld") {
        outcomes.push({ reason: event.reason, durationMs: 0 });
        events.push(event.reason);
      }
    },
    ...options,
  });
  test.after(() => authorizer.close());

  /** Asks for a new visitor, unless given which. */
  function ask(request: Partial<AuthorizationRequest> = {}): Promise<Authorization> {
    return authorizer.authorize({ ...defaults(), channel: "private-a", ...request });
  }

  function askWho(request: Partial<AuthorizationRequest> = {}): Promise<Authentication> {
    return authorizer.authenticate({ ...defaults(), ...request });
  }

  let visitors = 0;
  /** Each time another visitor: an address, and a connection, of its own. */
  const defaults = () => ({
    app: testApp,
    socketId: `1.${++visitors}`,
    handshake: { rawHeaders: page, remoteAddress: `203.0.113.${visitors % 256}` },
    credential: null,
    signal: new AbortController().signal,
  });

  /** Asks the question that the rig is for. */
  function put(request?: Partial<AuthorizationRequest>): Promise<Authorization | Authentication> {
    return question === "channel" ? ask(request) : askWho(request);
  }

  async function reason(request?: Partial<AuthorizationRequest>): Promise<string> {
    const answer = await put(request);
    return answer.ok ? "ok" : answer.reason;
  }

  /** So many visitors find a gateway without PHP behind it. */
  async function fail(times: number): Promise<void> {
    const { script } = rig;
    rig.script = status(502);
    for (let i = 0; i < times; i++) assert.equal(await reason(), "service_unavailable");
    rig.script = script;
  }

  return { rig, authorizer, seen, events, outcomes, ask, askWho, put, reason, fail };
}

/** Signs what it is asked for, as `pusher-http-php` does. */
function sayYes({ body, answer }: SeenRequest): void {
  answer.setHeader("Set-Cookie", "laravel_session=other");
  answer.end(JSON.stringify(isAboutUser(body) ? signUser(body) : { auth: authFor(body) }));
}

function isAboutUser(body: unknown): body is object {
  return typeof body === "object" && body !== null && !("channel_name" in body);
}

function signUser(body: object) {
  assert.ok("socket_id" in body);
  const user_data = '{"id":"7"}';
  const text = `${String(body.socket_id)}::user::${user_data}`;
  return { auth: `${testApp.key}:${sign(testApp.secret, text)}`, user_data };
}

function authFor(body: unknown, secret = testApp.secret): string {
  assert.ok(typeof body === "object" && body && "socket_id" in body && "channel_name" in body);
  const text = `${String(body.socket_id)}:${String(body.channel_name)}`;
  return `${testApp.key}:${sign(secret, text)}`;
}

function status(code: number, body = '{"message":""}'): Script {
  return ({ answer }) => void answer.writeHead(code).end(body);
}

const silence: Script = () => {};

describe("authorizer: the question", () => {
  it("proxy A2: asks with exactly socket_id and channel_name, as pusher-js does", async (test) => {
    const { ask, seen } = await createRig(test);
    const auth = `app-key:${sign("app-secret", "7.8:private-orders.1")}`;
    const answer = await ask({ socketId: "7.8", channel: "private-orders.1" });
    assert.deepEqual(answer, { ok: true, auth });
    const text = "socket_id=7.8&channel_name=private-orders.1";
    assert.equal(seen[0]?.text, text);
    assert.equal(seen[0]?.headers["content-type"], "application/x-www-form-urlencoded");
    assert.equal(seen[0]?.headers["content-length"], String(text.length));
    assert.equal(seen[0]?.headers["transfer-encoding"], undefined);
    assert.equal(seen[0]?.path, "/broadcasting/auth");
    assert.equal(seen[0]?.headers["x-frankenphp-ws-channel"], "private-orders.1");
  });

  it("U06: asks who it is with exactly socket_id, at a path of its own", async (test) => {
    const { askWho, seen } = await createRig(test);
    const user_data = '{"id":"7"}';
    const auth = `app-key:${sign("app-secret", `7.8::user::${user_data}`)}`;
    const answer = await askWho({ socketId: "7.8" });
    assert.deepEqual(answer, { ok: true, auth, userData: user_data });
    assert.equal(seen[0]?.text, "socket_id=7.8");
    assert.equal(seen[0]?.path, "/broadcasting/user-auth");
    assert.equal(seen[0]?.headers["x-frankenphp-ws-channel"], undefined);
  });

  it("proxy A3: cookies and other bytes beyond ASCII arrive as the client sent them", async (test) => {
    const { port, connections } = await listenRaw(
      test,
      (raw) =>
        void raw
          .until("channel_name=private-a")
          .then(() => raw.write("HTTP/1.1 403 No\r\n\r\n").socket.end()),
    );
    const { ask } = await createRig(test, sayYes, {
      upstream: { kind: "tcp", host: "127.0.0.1", port },
    });
    const rawHeaders = [
      "Host",
      "App.test",
      "origin",
      "http://app.test",
      "cookie",
      "a=\u00e9\u00ff;b",
    ];
    await ask({ handshake: { rawHeaders, remoteAddress: "::1" } });
    const text = connections[0]?.text ?? "";
    assert.match(text, /^POST \/broadcasting\/auth HTTP\/1\.1\r\nHost: App\.test\r\n/);
    assert.ok(text.includes("\r\nCookie: a=\u00e9\u00ff;b\r\n"), text);
  });

  it("proxy A16: a channel that Laravel would answer with 500 is refused here", async (test) => {
    const { reason, seen, authorizer } = await createRig(test);
    const wrong = [
      "",
      "private-a b",
      "private-\u00e4",
      "private-a/b",
      `private-${"a".repeat(300)}`,
    ];
    for (const channel of wrong) assert.equal(await reason({ channel }), "forbidden");
    assert.equal(seen.length, 0);
    assert.equal(authorizer.worstBreakerState, "closed");
  });
});

describeBoth("authorizer: whose credentials are spent", (createRig) => {
  it("proxy A16: a socket id that Laravel would answer with 500 is refused here", async (test) => {
    const { reason, seen, authorizer } = await createRig(test);
    for (const socketId of ["", "1", "1.2.3", "a.b", "1.2\n"]) {
      assert.equal(await reason({ socketId }), "forbidden");
    }
    assert.equal(seen.length, 0);
    assert.equal(authorizer.worstBreakerState, "closed");
  });

  it("proxy A18: a foreign page spends no cookies, even where * is allowed", async (test) => {
    const { put, seen } = await createRig(test);
    const foreign = ["Host", "app.test", "Origin", "https://evil.com", "Cookie", cookie];
    const answer = await put({ handshake: { rawHeaders: foreign, remoteAddress: "::1" } });
    assert.deepEqual(answer, { ok: false, kind: "denied", reason: "origin" });
    assert.equal(seen.length, 0);

    const rawHeaders = [...foreign, "Authorization", "Bearer t"];
    assert.ok((await put({ handshake: { rawHeaders, remoteAddress: "::1" } })).ok);
    assert.equal(seen[0]?.headers.cookie, undefined);
    assert.equal(seen[0]?.headers["x-xsrf-token"], undefined);
    assert.equal(seen[0]?.headers.authorization, "Bearer t");
    assert.equal(seen[0]?.headers.origin, "https://evil.com");
  });

  it("Q09, U13: a foreign page with a token of its own is asked for with that and no cookies", async (test) => {
    const { put, seen } = await createRig(test);
    const rawHeaders = ["Host", "app.test", "Origin", "https://spa.test", "Cookie", cookie];
    const handshake = { rawHeaders, remoteAddress: "::1" };
    assert.ok((await put({ handshake, credential: "Bearer 7|t" })).ok);
    assert.equal(seen[0]?.headers.cookie, undefined);
    assert.equal(seen[0]?.headers.authorization, "Bearer 7|t");
  });

  it("proxy A18: a page that is listed by name spends its cookies", async (test) => {
    const { put, seen } = await createRig(test);
    const rawHeaders = ["Host", "app.test", "Origin", "https://spa.test", "Cookie", cookie];
    const app = { ...testApp, allowedOrigins: ["*", "spa.test"] };
    assert.ok((await put({ app, handshake: { rawHeaders, remoteAddress: "::1" } })).ok);
    assert.equal(seen[0]?.headers.cookie, cookie);
    assert.equal(seen[0]?.headers["x-xsrf-token"], "abc=");
  });

  it("proxy A18: X-Forwarded-Host counts as the page's host if a trusted proxy sent it", async (test) => {
    const rawHeaders = ["Host", "internal", "X-Forwarded-Host", "app.test", "X-Forwarded-Proto"];
    rawHeaders.push("https", "Origin", "https://app.test", "Cookie", cookie);
    const handshake = { rawHeaders, remoteAddress: "10.0.0.1" };

    const trusting = await createRig(test, sayYes, {
      forwarding: createForwarding({ trustedProxies: ["10.0.0.0/8"] }),
    });
    assert.ok((await trusting.put({ handshake })).ok);
    assert.equal(trusting.seen[0]?.headers.host, "internal");
    assert.equal(trusting.seen[0]?.headers["x-forwarded-proto"], "https");
    assert.equal(trusting.seen[0]?.headers["x-forwarded-host"], "app.test");

    const { reason } = await createRig(test);
    assert.equal(await reason({ handshake }), "origin");
  });
});

describe("authorizer: the answer about a channel", () => {
  it("proxy A6: presence is answered with the text that was signed", async (test) => {
    const channel_data = '{"user_id":"1","user_info":{"name":"x"}}';
    const auth = `app-key:${sign("app-secret", `1.2:presence-a:${channel_data}`)}`;
    const { ask } = await createRig(test, ({ answer }) =>
      answer.end(JSON.stringify({ auth, channel_data })),
    );
    assert.deepEqual(await ask({ socketId: "1.2", channel: "presence-a" }), {
      ok: true,
      auth,
      channelData: channel_data,
    });
    assert.deepEqual(await ask({ channel: "presence-b" }), {
      ok: false,
      kind: "denied",
      reason: "invalid_signature",
    });
  });

  it("proxy A26: an encrypted channel's shared_secret is passed on", async (test) => {
    const { ask } = await createRig(test, ({ body, answer }) =>
      answer.end(JSON.stringify({ auth: authFor(body), shared_secret: "c2VjcmV0" })),
    );
    const answer = await ask({ channel: "private-encrypted-a" });
    assert.ok(answer.ok);
    assert.equal(answer.sharedSecret, "c2VjcmV0");
  });
});

describeBoth("authorizer: the answer", (createRig) => {
  it("proxy A22: what the app sets as a cookie goes nowhere, and stays out of the next question", async (test) => {
    const { put, seen } = await createRig(test);
    const answers = [await put(), await put()];
    assert.equal(inspect(answers).includes("laravel_session"), false);
    assert.equal(seen[1]?.headers.cookie, cookie);
  });

  it("proxy A22: nothing secret is in a result or in what is reported of it", async (test) => {
    const scripts: Script[] = [
      status(403, "s3cr3t"),
      status(500, "s3cr3t"),
      status(200, "s3cr3t"),
      status(200, '{"auth":"app-key:s3cr3t"}'),
      ({ answer }) => void answer.destroy(),
    ];
    const { rig, put, outcomes } = await createRig(test);
    for (const script of scripts) {
      rig.script = script;
      const said = inspect([await put(), outcomes], { depth: null });
      assert.doesNotMatch(said, /s3cr3t|laravel_session|app-secret|app-key/);
    }
  });

  it("reports each outcome with how long it took, and 0 for what was refused here", async (test) => {
    const { rig, reason, outcomes } = await createRig(test, (request) => {
      rig.nowMs += 250;
      sayYes(request);
    });
    await reason();
    await reason({ handshake: { rawHeaders: [], remoteAddress: "::1" } });
    rig.script = status(403);
    await reason();
    assert.deepEqual(outcomes, [
      { reason: "ok", durationMs: 250 },
      { reason: "origin", durationMs: 0 },
      { reason: "forbidden", durationMs: 0 },
    ]);
  });
});

describeBoth("authorizer: what an answer means", (createRig) => {
  const answered: [title: string, script: Script, expected: Partial<Authorization>][] = [
    ...(
      [
        [302, "redirected"],
        [401, "forbidden"],
        [403, "forbidden"],
        [404, "route_not_found"],
        [405, "method_not_allowed"],
        [419, "csrf_token_mismatch"],
        [422, "unexpected_status"],
      ] as const
    ).map(([code, reason]): [string, Script, Partial<Authorization>] => [
      `proxy A8: ${code}`,
      status(code),
      { kind: "denied", reason },
    ]),
    ["proxy A8: 429", status(429), { kind: "unavailable", reason: "too_many_requests" }],
    ["attacks H6: 500", status(500), { kind: "unavailable", reason: "worker_error" }],
    [
      "proxy A7: an empty 200",
      status(200, ""),
      { kind: "denied", reason: "invalid_response_json" },
    ],
    ["proxy A7: true", status(200, "true"), { kind: "denied", reason: "invalid_response_json" }],
    [
      "proxy A7: a login page",
      status(200, "<html>"),
      { kind: "denied", reason: "invalid_response_json" },
    ],
    [
      "proxy A7: an auth that is no text",
      status(200, '{"auth":1}'),
      { kind: "denied", reason: "missing_signature" },
    ],
    [
      "proxy A6: a wrong signature",
      status(200, '{"auth":"app-key:0","user_data":"{}"}'),
      { kind: "denied", reason: "invalid_signature" },
    ],
    [
      "proxy A10: too long an answer",
      status(200, " ".repeat(20_000)),
      { kind: "denied", reason: "body_overflow" },
    ],
    [
      "too long a header",
      ({ answer }) => void answer.writeHead(200, { "X-A": "a".repeat(20_000) }).end(),
      { kind: "denied", reason: "head_overflow" },
    ],
    [
      "no HTTP",
      ({ answer }) => void answer.socket?.end("SSH-2.0-OpenSSH_9.9\r\n\r\n"),
      { kind: "denied", reason: "unreadable_answer" },
    ],
  ];
  for (const [title, script, expected] of answered) {
    it(`${title} is ${expected.ok ? "" : JSON.stringify(expected)}, and an app that answers to the breaker`, async (test) => {
      const { rig, put, fail, authorizer } = await createRig(test, script);
      await fail(4);
      assert.deepEqual(await put(), { ok: false, ...expected });
      await fail(4);
      assert.equal(authorizer.worstBreakerState, "closed", "the row of failures was ended");
      await fail(1);
      assert.equal(authorizer.worstBreakerState, "open");
      rig.nowMs += 10_000;
      assert.equal((await put()).ok, false);
      assert.equal(authorizer.worstBreakerState, "closed", "as a trial it closes it");
    });
  }

  const failures: [title: string, script: Script, reason: string][] = [
    ...[502, 503, 504].map((code): [string, Script, string] => [
      String(code),
      status(code),
      "service_unavailable",
    ]),
    ["a reset", ({ answer }) => void answer.socket?.resetAndDestroy(), "connection_reset"],
    ["silence", silence, "timeout"],
  ];
  for (const [title, script, expected] of failures) {
    it(`proxy A9: ${title} is unavailable as ${expected}; five visitors' open the breaker`, async (test) => {
      const deadlineMs = script === silence ? 25 : 60_000;
      const { put, reason, authorizer } = await createRig(test, script, { deadlineMs });
      assert.deepEqual(await put(), { ok: false, kind: "unavailable", reason: expected });
      for (let i = 0; i < 4; i++) assert.equal(await reason(), expected);
      assert.equal(authorizer.worstBreakerState, "open");
    });
  }

  it("proxy A9: an upstream that is not there opens the breaker, whoever asks", async (test) => {
    const gone = await listenRaw(test);
    await gone.stop();
    const upstream = { kind: "tcp", host: "127.0.0.1", port: gone.port } as const;
    const { reason } = await createRig(test, sayYes, { upstream });
    const handshake = { rawHeaders: page, remoteAddress: "203.0.113.9" };
    for (let i = 0; i < 5; i++) assert.equal(await reason({ handshake }), "dispatch_error");
    assert.equal(await reason({ handshake }), "circuit_open");
  });
});

describeBoth("authorizer: breaker and permits, where nothing waits", (createRig) => {
  it("proxy A15: an open breaker refuses at once without a question, until its time is over", async (test) => {
    const { rig, put, reason, fail, seen, events } = await createRig(test);
    await fail(5);
    rig.nowMs += 999;
    assert.deepEqual(await put(), { ok: false, kind: "unavailable", reason: "circuit_open" });
    assert.equal(seen.length, 5);
    rig.nowMs += 1;
    assert.equal(await reason(), "ok");
    assert.deepEqual(events.slice(4), [
      "open",
      "service_unavailable",
      "circuit_open",
      "half-open",
      "closed",
      "ok",
    ]);
  });

  it("proxy A14: half-open, one question is asked and the others are refused at once", async (test) => {
    const { rig, reason, fail, seen, authorizer } = await createRig(test);
    await fail(5);
    rig.nowMs += 1_000;
    rig.script = silence;
    const trial = reason();
    await waitFor(() => seen.length === 6);
    assert.equal(await reason(), "circuit_open");
    const asked = seen[5];
    assert.ok(asked);
    sayYes(asked);
    assert.equal(await trial, "ok");
    assert.equal(authorizer.worstBreakerState, "closed");
  });

  it("proxy A12: the N+1st is refused at once while N are under way, and never asked later", async (test) => {
    const { put, reason, seen, authorizer } = await createRig(test, silence, { maxConcurrent: 2 });
    const pending = [reason(), reason()];
    assert.deepEqual(await put(), {
      ok: false,
      kind: "unavailable",
      reason: "concurrency_limit",
    });
    await waitFor(() => seen.length === 2);
    assert.equal(authorizer.underWay(testApp.id), 2);
    seen.forEach(sayYes);
    assert.deepEqual(await Promise.all(pending), ["ok", "ok"]);
    assert.equal(seen.length, 2);
    assert.equal(authorizer.underWay(testApp.id), 0);
  });

  it("proxy A12: the permit is free again after a yes, a no, a failure and a timeout", async (test) => {
    const { rig, reason } = await createRig(test, sayYes, { maxConcurrent: 1, deadlineMs: 1_000 });
    assert.equal(await reason(), "ok");
    rig.script = status(403);
    assert.equal(await reason(), "forbidden");
    rig.script = ({ answer }) => void answer.destroy();
    assert.equal(await reason(), "connection_reset");
    rig.script = silence;
    assert.equal(await reason(), "timeout");
    rig.script = sayYes;
    assert.equal(await reason(), "ok");
  });

  it("proxy A13: refusals for want of a permit never move the breaker", async (test) => {
    const { reason, fail, seen, authorizer } = await createRig(test, silence, { maxConcurrent: 1 });
    await fail(4);
    const pending = reason();
    await waitFor(() => seen.length === 5);
    for (let i = 0; i < 50; i++) assert.equal(await reason(), "concurrency_limit");
    assert.equal(authorizer.worstBreakerState, "closed");
    const asked = seen[4];
    assert.ok(asked);
    status(502)(asked);
    assert.equal(await pending, "service_unavailable");
    assert.equal(authorizer.worstBreakerState, "open", "nor did they end the row of failures");
  });

  it("proxy A20: what is called off is answered at once, and keeps its permit until the app has answered", async (test) => {
    const { reason, seen, authorizer, rig } = await createRig(test, silence, { maxConcurrent: 1 });
    const connection = new AbortController();
    const calledOff = reason({ signal: connection.signal });
    await waitFor(() => seen.length === 1);
    connection.abort();
    assert.equal(await calledOff, "aborted");
    assert.equal(await reason(), "concurrency_limit");
    assert.equal(seen[0]?.answer.destroyed, false, "PHP would not notice anyway");
    seen.forEach(sayYes);
    await waitFor(() => authorizer.underWay(testApp.id) === 0);
    rig.script = sayYes;
    assert.equal(await reason(), "ok");
    assert.equal(await reason({ signal: AbortSignal.abort() }), "aborted");
    assert.equal(seen.length, 2);
  });

  it("leaves no listener on the signal of a connection", async (test) => {
    const { reason } = await createRig(test);
    const { signal } = new AbortController();
    for (let i = 0; i < 5; i++) assert.equal(await reason({ signal }), "ok");
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
});

describeBoth("authorizer: one visitor against the rest", (createRig) => {
  const attacker = { handshake: { rawHeaders: page, remoteAddress: "198.51.100.1" } };

  it("Q10: one address has its part of the permits, one connection a quarter of that, and others are served", async (test) => {
    const { rig, reason, seen } = await createRig(test, silence, { retryForMs: 30_000 });
    for (let i = 0; i < 120; i++) void reason({ ...attacker, socketId: "6.6" });
    for (let i = 0; i < 120; i++) void reason(attacker);
    await waitFor(() => seen.length === 20);
    rig.script = sayYes;
    assert.equal(await reason(), "ok");
    assert.equal(seen.length, 21);
    const bySocket = seen.filter(
      ({ body }) =>
        typeof body === "object" && body && "socket_id" in body && body.socket_id === "6.6",
    );
    assert.equal(bySocket.length, 5);
  });

  it("Q10: an app of few permits keeps half of them for others", async (test) => {
    const options = { retryForMs: 30_000, maxConcurrent: 4, maxConcurrentPerIp: 20 };
    const { rig, reason, seen } = await createRig(test, silence, options);
    for (let i = 0; i < 10; i++) void reason(attacker);
    await waitFor(() => seen.length === 2);
    rig.script = sayYes;
    assert.equal(await reason(), "ok");
    assert.equal(seen.length, 3);
  });

  it("attacks H5: questions that are called off are asked no faster than others", async (test) => {
    const { reason, seen, authorizer } = await createRig(test, silence, { retryForMs: 30_000 });
    for (let i = 0; i < 600; i++) {
      const connection = new AbortController();
      const question = reason({ ...attacker, socketId: "6.6", signal: connection.signal });
      connection.abort();
      assert.equal(await question, "aborted");
    }
    await waitFor(() => seen.length === 5);
    assert.equal(authorizer.underWay(testApp.id), 5);
    assert.equal(authorizer.waiting(testApp.id), 0);
  });

  it("attacks H6: no number of 500s, 503s and resets of one address opens the breaker", async (test) => {
    const { rig, reason, authorizer } = await createRig(test);
    const reset: Script = ({ answer }) => void answer.socket?.resetAndDestroy();
    for (const script of [status(500), status(503), reset]) {
      rig.script = script;
      for (let i = 0; i < 12; i++) await reason(attacker);
    }
    assert.equal(authorizer.worstBreakerState, "closed");
    rig.script = sayYes;
    assert.equal(await reason(), "ok", "others are served");
  });

  it("proxy A17: a connection's fifth failure in the window has to wait", async (test) => {
    const { rig, put, reason, seen } = await createRig(test, status(500));
    const mine = { ...attacker, socketId: "6.6" };
    for (let i = 0; i < 4; i++) assert.equal(await reason(mine), "worker_error");
    assert.deepEqual(await put(mine), {
      ok: false,
      kind: "unavailable",
      reason: "too_many_failures",
    });
    assert.equal(seen.length, 4);
    rig.script = sayYes;
    assert.equal(await reason(), "ok", "others are served");
    assert.equal(await reason(attacker), "ok", "and so is another connection of that address");
    rig.nowMs += 10_000;
    assert.equal(await reason(mine), "ok", "and so is it, later");
  });

  it("proxy A17: so has the denial after the twentieth, over all its connections once it has a session", async (test) => {
    const { rig, reason, seen } = await createRig(test);
    assert.equal(await reason(attacker), "ok");
    rig.script = status(403);
    for (let i = 0; i < 20; i++) assert.equal(await reason(attacker), "forbidden");
    assert.equal(await reason(attacker), "too_many_failures");
    assert.equal(seen.length, 21);
    rig.nowMs += 10_000;
    assert.equal(await reason(attacker), "forbidden");
  });

  it("Q10: and after the two hundredth of an address that makes up sessions; a visitor there with a real one is asked for", async (test) => {
    const { rig, reason, seen } = await createRig(test, sayYes, {
      perVisitor: { maxFailures: 4, maxDenials: 2, windowMs: 10_000 },
    });
    const { remoteAddress } = attacker.handshake;
    const withCookie = (text: string) => ({
      handshake: { rawHeaders: [...page.slice(0, 4), "Cookie", text], remoteAddress },
    });
    assert.equal(await reason(withCookie("session=ada")), "ok");
    rig.script = status(403);
    for (let i = 0; i < 20; i++) {
      assert.equal(await reason(withCookie(`session=made-up-${i}`)), "forbidden");
    }
    assert.equal(await reason(withCookie("session=another")), "too_many_failures");
    rig.script = sayYes;
    assert.equal(await reason(withCookie("session=ada")), "ok");
    assert.equal(seen.length, 22);
  });
});

describeBoth("authorizer: several apps", (createRig) => {
  const other = { ...testApp, id: "other" };
  const options = { appIds: [testApp.id, "other"], maxConcurrent: 4 };

  it("attacks H6: each has its part of the permits", async (test) => {
    const { rig, reason, seen } = await createRig(test, silence, options);
    const pending = [reason(), reason()];
    await waitFor(() => seen.length === 2);
    assert.equal(await reason(), "concurrency_limit");
    rig.script = sayYes;
    assert.equal(await reason({ app: other }), "ok");
    seen.slice(0, 2).forEach(sayYes);
    assert.deepEqual(await Promise.all(pending), ["ok", "ok"]);
  });

  it("attacks H6: and a breaker of its own", async (test) => {
    const { fail, reason, authorizer } = await createRig(test, sayYes, options);
    await fail(5);
    assert.equal(await reason(), "circuit_open");
    assert.equal(authorizer.breakerState("other"), "closed");
    assert.equal(await reason({ app: other }), "ok");
  });
});

describe("authorizer: one app, whatever it is asked", () => {
  it("U06: failures of either question open the breaker for both", async (test) => {
    const { rig, ask, askWho, seen } = await createRig(test, status(502));
    for (const question of [ask, askWho, ask, askWho, ask]) {
      assert.equal((await question()).ok, false);
    }
    rig.script = sayYes;
    for (const question of [ask, askWho]) {
      assert.deepEqual(await question(), {
        ok: false,
        kind: "unavailable",
        reason: "circuit_open",
      });
    }
    assert.equal(seen.length, 5);
  });

  it("U06: the permits, and the failures of a connection, are counted together", async (test) => {
    const { rig, ask, askWho, seen } = await createRig(test, silence, { maxConcurrent: 1 });
    const visitor = {
      socketId: "7.7",
      handshake: { rawHeaders: page, remoteAddress: "198.51.100.1" },
    };
    const pending = ask(visitor);
    await waitFor(() => seen.length === 1);
    const refused = await askWho();
    assert.equal(!refused.ok && refused.reason, "concurrency_limit");
    seen.forEach(status(500));
    await pending;
    rig.script = status(500);
    for (const question of [askWho, ask, askWho]) await question(visitor);
    const limited = await ask(visitor);
    assert.equal(!limited.ok && limited.reason, "too_many_failures");
  });
});

describe("authorizer: behind a subscribe", () => {
  async function createNode(test: TestContext, script: Script) {
    const { ask, seen, authorizer } = await createRig(test, script);
    const handshake = { rawHeaders: page, remoteAddress: "203.0.113.9" };
    const node = createTestNode({
      authorizer: { authorize: (request) => ask({ ...request, handshake }) },
    });
    return { node, seen, authorizer };
  }
  const subscribe = { event: "pusher:subscribe", data: { channel: "private-a" } };

  it("proxy A23: two subscribes to one channel at once ask once and make one membership", async (test) => {
    const { node, seen } = await createNode(test, silence);
    const client = node.connect();
    client.write(subscribe);
    client.write(subscribe);
    await waitFor(() => seen.length === 1);
    seen.forEach(sayYes);
    await waitFor(() => client.transport.messages.length > 0);
    assert.deepEqual(client.transport.take(), [
      { event: "pusher_internal:subscription_succeeded", data: "{}", channel: "private-a" },
    ]);
    assert.equal(seen.length, 1);
    assert.deepEqual([...client.connection.subscriptions.keys()], ["private-a"]);
  });

  it("proxy A20: a client that closes meanwhile is never subscribed", async (test) => {
    const { node, seen, authorizer } = await createNode(test, silence);
    const client = node.connect();
    client.write(subscribe);
    await waitFor(() => seen.length === 1);
    client.disconnect();
    seen.forEach(sayYes);
    await waitFor(() => authorizer.underWay(testApp.id) === 0);
    assert.equal(client.connection.subscriptions.size, 0);
    assert.deepEqual(client.transport.messages, []);
  });

  const refusals: [title: string, script: Script, status: number][] = [
    ["403 when the app says no", status(403), 403],
    ["503 when nobody could say", status(500), 503],
  ];
  for (const [title, script, expected] of refusals) {
    it(`a client reads ${title}`, async (test) => {
      const { node } = await createNode(test, script);
      const client = node.connect();
      client.write(subscribe);
      await waitFor(() => client.transport.messages.length === 2);
      const [error, refusal] = client.transport.take();
      assert.equal(error?.["event"], "pusher:error");
      assert.equal(refusal?.["event"], "pusher:subscription_error");
      assert.match(String(refusal["data"]), new RegExp(`"status":${expected}`));
    });
  }
});
