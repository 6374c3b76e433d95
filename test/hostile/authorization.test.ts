/** What hostile clients and pages try to make the sidecar ask the app for them: the rows of its table of attacks. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { connectRaw } from "../../sidecar/testing/raw-http.ts";
import type { Client } from "../kit/client.ts";
import { startAsked, type Question } from "./support/asked-app.ts";
import { handshakeOf, openRaw } from "./support/raw-handshake.ts";
import { waitFor } from "../../sidecar/testing/eventually.ts";

const waitsForNothing = { POGO_AUTH_RETRY_FOR: "0" };

/** Whether a handshake with these lines, beside its cookie, is asked about, and what the app saw. */
async function askWith(test: TestContext, lines: (port: number) => readonly string[], env = {}) {
  const { sidecar, asked } = await startAsked(test, { env });
  const { port } = sidecar;
  const client = await openRaw(test, port, ["Cookie: session=ada", ...lines(port)]);
  const status = await client.subscribe("private-a");
  return { status, question: asked[0] ?? null };
}

async function isAskedAbout(
  test: TestContext,
  lines: (port: number) => readonly string[],
  env = {},
) {
  const { status, question } = await askWith(test, lines, env);
  assert.equal(status, question ? 200 : 403);
  return question !== null;
}

const origin =
  (text: string) =>
  (port: number): string[] => [`Origin: ${text.replaceAll("{port}", String(port))}`];

describe("whose page it is", () => {
  const foreign = [
    "null",
    "",
    "file://",
    "http://127.0.0.1:{port}, http://evil.example",
    "http://127.0.0.1:{port}/path",
    "http://127.0.0.1:{port}?x",
    "http://127.0.0.1:{port}#x",
    "http://127.0.0.1: {port}",
    "http://127.0.0.1:{port}@evil.example",
    "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1.:{port}",
    "http://0x7f.0.0.1:{port}",
    "http://localhost:{port}",
    "http://evil.example:{port}",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://127.0.0.1:0{port}",
  ];
  for (const text of foreign) {
    it(`rows 25, 26: Origin ${JSON.stringify(text)} spends no cookie`, async (test) => {
      assert.equal(await isAskedAbout(test, origin(text)), false);
    });
  }

  it("row 25: no Origin spends none", async (test) => {
    assert.equal(await isAskedAbout(test, () => []), false);
  });

  for (const text of [
    "http://127.0.0.1:{port}",
    "HTTP://127.0.0.1:{port}",
    "http://127.0.0.1:{port}/",
  ]) {
    it(`row 27: Origin ${JSON.stringify(text)} is the app's own page`, async (test) => {
      assert.equal(await isAskedAbout(test, origin(text)), true);
    });
  }

  const secure = { POGO_TRUSTED_PROXIES: "127.0.0.1" };
  const behindTls = (text: string) => (port: number) => [
    ...origin(text)(port),
    "X-Forwarded-Proto: https",
  ];
  it("row 28: an http page of a host that is asked by https spends no cookie, its https page does", async (test) => {
    assert.equal(await isAskedAbout(test, behindTls("http://127.0.0.1:{port}"), secure), false);
    assert.equal(await isAskedAbout(test, behindTls("https://127.0.0.1:{port}"), secure), true);
  });

  for (const scheme of ["chrome-extension", "moz-extension", "file", "ws", "gopher"]) {
    it(`row 28: nor does ${scheme}:// with the app's host`, async (test) => {
      assert.equal(await isAskedAbout(test, origin(`${scheme}://127.0.0.1:{port}`)), false);
    });
  }

  it("row 29: two Origin fields are no handshake", async (test) => {
    const { sidecar, asked } = await startAsked(test);
    const { port } = sidecar;
    const lines = [...origin("http://127.0.0.1:{port}")(port), "Origin: http://evil.example"];
    const client = await connectRaw(test, port);
    assert.match(await client.write(handshakeOf(port, lines)).untilEnd(), /^HTTP\/1\.1 400 /);
    assert.equal(asked.length, 0);
  });

  for (const field of ["X-Forwarded-Host", "X-Host", "X-Original-Host"]) {
    it(`row 30: ${field} of who is no trusted proxy does not make a page the app's`, async (test) => {
      const lines = () => ["Origin: http://evil.example", `${field}: evil.example`];
      assert.equal(await isAskedAbout(test, lines), false);
    });
  }
  it("row 30: nor does Forwarded", async (test) => {
    const lines = () => ["Origin: http://evil.example", "Forwarded: host=evil.example"];
    assert.equal(await isAskedAbout(test, lines), false);
  });

  for (const scheme of ["Basic", "bAsIc", "Negotiate", "NTLM", "Digest"]) {
    it(`row 31: a foreign page with the browser's own ${scheme} is not asked about`, async (test) => {
      const lines = () => ["Origin: http://evil.example", `Authorization: ${scheme} eDp5`];
      assert.equal(await isAskedAbout(test, lines), false);
    });
  }

  it("row 32: a foreign page with a token is, without cookies", async (test) => {
    const lines = () => ["Origin: http://evil.example", "Authorization: Bearer 1|x"];
    const { question } = await askWith(test, lines);
    assert.equal(question?.headers.cookie, undefined);
    assert.equal(question?.headers.authorization, "Bearer 1|x");
  });

  it("what the browser calls cross-site spends no cookie, whatever its Origin", async (test) => {
    const lines = (port: number) => [
      ...origin("http://127.0.0.1:{port}")(port),
      "Sec-Fetch-Site: cross-site",
    ];
    assert.equal(await isAskedAbout(test, lines), false);
  });
});

describe("what the app reads", () => {
  const own = origin("http://127.0.0.1:{port}");

  it("row 33: fields that would make another request of it do not go along", async (test) => {
    const lines = (port: number) => [
      ...own(port),
      "X-HTTP-Method-Override: PUT",
      "Content-Type: application/json",
      "Accept: text/html",
      "Content-Encoding: gzip",
      "Proxy: http://evil.example",
      "X-Requested-With: evil",
      "X-Custom: 1",
      "Connection: X-Custom",
    ];
    const { question } = await askWith(test, lines);
    const seen = (name: string) => question?.headers[name];
    assert.equal(seen("x-http-method-override"), undefined);
    assert.equal(seen("content-type"), "application/x-www-form-urlencoded");
    assert.equal(seen("accept"), "application/json");
    assert.equal(seen("content-encoding"), undefined);
    assert.equal(seen("proxy"), undefined);
    assert.equal(seen("x-requested-with"), "XMLHttpRequest");
    assert.equal(seen("x-custom"), undefined);
  });

  it("rows 34, 35: what it says of the client and of the channel is the sidecar's own word", async (test) => {
    const lines = (port: number) => [
      ...own(port),
      "X-Forwarded-For: 6.6.6.6",
      "X_Forwarded_For: 6.6.6.6",
      "X-Real-IP: 6.6.6.6",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: evil.example",
      "Forwarded: for=6.6.6.6",
      "X-FrankenPHP-WS-Channel: private-other",
    ];
    const { question } = await askWith(test, lines);
    assert.equal(question?.headers["x-forwarded-for"], "127.0.0.1");
    assert.equal(question.headers["x-forwarded-proto"], "http");
    assert.match(String(question.headers["x-forwarded-host"]), /^127\.0\.0\.1:/);
    assert.equal(question.headers["x-frankenphp-ws-channel"], "private-a");
    assert.doesNotMatch(question.rawHeaders.join("\n"), /6\.6\.6\.6|evil|other|x_forwarded/i);
  });

  it("row 36: channel, path and Host of a client change neither whom nor where it asks", async (test) => {
    const { sidecar, asked } = await startAsked(test);
    const { port } = sidecar;
    const bytes = handshakeOf(port, ["Origin: http://evil.example:1"]).replace(
      `Host: 127.0.0.1:${port}`,
      "Host: evil.example:1",
    );
    const raw = await connectRaw(test, port);
    raw.write(bytes);
    await raw.until("pusher:connection_established");
    const client = await openRaw(test, port, own(port));
    assert.equal(await client.subscribe("private-http=@evil.example"), 200);
    assert.deepEqual(
      asked.map(({ path, channel }) => [path, channel]),
      [["/broadcasting/auth", "private-http=@evil.example"]],
    );
  });

  it("row 37: control characters are no handshake; bytes beyond ASCII arrive as they were", async (test) => {
    const { sidecar, asked } = await startAsked(test);
    const { port } = sidecar;
    for (const bad of ["X-A: a\x01b", "X-A: a\x7fb", "X-A: a\0b"]) {
      const client = await connectRaw(test, port);
      client.write(handshakeOf(port, [...own(port), bad]));
      assert.match(await client.untilEnd(), /^HTTP\/1\.1 400 /);
    }
    const client = await openRaw(test, port, [...own(port), "X-A: caf\u00e9"]);
    assert.equal(await client.subscribe("private-a"), 200);
    assert.equal(asked[0]?.headers["x-a"], "caf\u00e9");
  });

  it("row 38: cookies too long for the app are a denial, and open no breaker", async (test) => {
    const { sidecar, connect } = await startAsked(test);
    const Cookie = `XSRF-TOKEN=${"a".repeat(12_000)}`;
    for (let i = 0; i < 7; i++) {
      assert.equal(await (await connect({ Cookie })).subscribe("private-a"), 403);
    }
    assert.equal(await (await connect()).subscribe("private-a"), 200);
    const states = await sidecar.series("pogo_websocket_circuit_breaker_state");
    assert.equal(states['app_id="app-id",state="closed"'], 1);
  });
});

describe("one visitor against the others", () => {
  const trusting = { POGO_TRUSTED_PROXIES: "127.0.0.1" };
  const attacker = { "X-Forwarded-For": "203.0.113.6" };
  const visitor = { "X-Forwarded-For": "198.51.100.1", Cookie: "session=ada" };

  function subscribeMany(client: Client, count: number, name: string): void {
    for (let i = 0; i < count; i++) {
      client.say("pusher:subscribe", { channel: `private-${name}.${i}` });
    }
  }
  const isAttackers = ({ channel }: Question) => channel.startsWith("private-evil");

  it("row 39: 120 channels that the app takes its time for leave the others their permits", async (test) => {
    const { asked, connect } = await startAsked(test, {
      env: { ...trusting, POGO_AUTH_TIMEOUT: "60s" },
      answer: (question) => isAttackers(question) || question.allow(),
    });
    subscribeMany(await connect(attacker), 120, "evil");
    subscribeMany(await connect(attacker), 120, "evil");
    await waitFor(() => asked.filter(isAttackers).length === 10);
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(visitor)));
    const statuses = await Promise.all(clients.map((client) => client.subscribe("private-good")));
    assert.deepEqual(new Set(statuses), new Set([200]));
    assert.equal(asked.filter(isAttackers).length, 10);
  });

  it("row 40: 600 questions that are called off are no more than five at a time at the app, and count", async (test) => {
    const { asked, connect, sidecar } = await startAsked(test, {
      env: { ...trusting, ...waitsForNothing, POGO_MAX_AUTH_DENIALS: "5" },
      answer: (question) => isAttackers(question) || question.allow(),
    });
    const client = await connect(attacker);
    for (let i = 0; i < 600; i++) {
      client.say("pusher:subscribe", { channel: `private-evil.${i}` });
      client.say("pusher:unsubscribe", { channel: `private-evil.${i}` });
    }
    client.say("pusher:ping");
    await client.next("pusher:pong");
    await waitFor(() => asked.length === 5);
    assert.deepEqual(await sidecar.series("pogo_websocket_auth_waiting"), { 'app_id="app-id"': 0 });
    assert.equal(await (await connect(visitor)).subscribe("private-good"), 200);
    assert.equal(asked.filter(isAttackers).length, 5);
  });

  it("row 40: denials of what was called off count against who asked", async (test) => {
    const { connect, sidecar } = await startAsked(test, {
      env: { ...trusting, ...waitsForNothing, POGO_MAX_AUTH_DENIALS: "5" },
      answer: (question, res) => {
        if (isAttackers(question)) res.writeHead(403).end();
        else question.allow();
      },
    });
    const client = await connect(attacker);
    for (let i = 0; i < 5; i++) {
      client.say("pusher:subscribe", { channel: `private-evil.${i}` });
      client.say("pusher:unsubscribe", { channel: `private-evil.${i}` });
    }
    await sidecar.seriesBecome("pogo_websocket_auth_duration_seconds_count", { "": 5 });
    assert.equal(await client.subscribe("private-evil.x"), 503);
  });

  it("row 41: any number of 500s, 503s and silence of one visitor leave the breaker closed", async (test) => {
    const { connect, sidecar } = await startAsked(test, {
      env: { ...trusting, ...waitsForNothing, POGO_AUTH_TIMEOUT: "50ms" },
      answer(question, res) {
        if (!isAttackers(question)) return question.allow();
        const [, kind] = /evil-(\d+)/.exec(question.channel) ?? [];
        if (kind !== "0") res.writeHead(Number(kind)).end();
      },
    });
    for (const kind of [500, 503, 0]) {
      for (let i = 0; i < 8; i++) {
        const client = await connect(attacker);
        assert.equal(await client.subscribe(`private-evil-${kind}`), 503);
      }
    }
    assert.equal(await (await connect(visitor)).subscribe("private-good"), 200);
    const states = await sidecar.series("pogo_websocket_circuit_breaker_state");
    assert.equal(states['app_id="app-id",state="closed"'], 1);
  });

  it("row 41: nor do signins that the app answers with 500 open it", async (test) => {
    const { connect, sidecar } = await startAsked(test, {
      env: { ...trusting, ...waitsForNothing },
      answer(question, res) {
        if (question.path !== "/broadcasting/user-auth") return question.allow();
        res.writeHead(500).end();
      },
    });
    for (let i = 0; i < 8; i++) {
      const client = await connect(attacker);
      client.say("pusher:signin");
      assert.equal(await client.error(), 4202);
    }
    assert.equal(await (await connect(visitor)).subscribe("private-good"), 200);
    const states = await sidecar.series("pogo_websocket_circuit_breaker_state");
    assert.equal(states['app_id="app-id",state="closed"'], 1);
  });
});
