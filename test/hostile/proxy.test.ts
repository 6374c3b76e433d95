/** What hostile clients try on the way to the app, against a whole sidecar: the rows of its table of attacks. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sendAndReset } from "../../sidecar/testing/early-reset.ts";
import {
  connectRaw,
  listenRaw,
  parseMessage,
  type RawSocket,
} from "../../sidecar/testing/raw-http.ts";
import { ok, requestOf, requestsOf, startUpstream } from "../../sidecar/testing/raw-upstream.ts";
import { upgradeRequest } from "../../sidecar/testing/upgrade-request.ts";
import { waitFor } from "../../sidecar/testing/eventually.ts";
import { connectClient } from "../kit/client.ts";
import { app, startSidecar } from "../kit/start.ts";
import { startBehind } from "./support/behind.ts";

/** The head of a WebSocket handshake. */
function handshakeOf(target: string, fields: readonly string[] = []): string {
  return upgradeRequest(target, { fields });
}

describe("the address of a client that resets its connection right behind its request", () => {
  const lines = ["X-Forwarded-For: 6.6.6.6"];
  const messages = {
    POST: requestOf("POST", "/login", ["Content-Length: 4", ...lines], "mail"),
    "WebSocket handshake": handshakeOf("/hmr", lines),
  };

  for (const [kind, bytes] of Object.entries(messages)) {
    it(`${kind}: 0 of 25 reach the app without it, or are trusted as a unix peer is`, async (t) => {
      const upstream = await startUpstream(t);
      const sidecar = await startSidecar(t, {
        POGO_UPSTREAM: `http://127.0.0.1:${upstream.port}`,
        POGO_TRUSTED_PROXIES: "unix",
      });
      sendAndReset(sidecar.port, bytes, 25);
      // One that stays, behind all of them.
      const client = await connectRaw(t, sidecar.port);
      await client.write(requestOf("GET", "/")).until("ok");
      const requests = upstream.connections.flatMap((connection) => requestsOf(connection));
      assert.ok(requests.length >= 1);
      for (const { startLine, values } of requests) {
        assert.deepEqual(values("x-forwarded-for"), ["127.0.0.1"], startLine);
      }
    });
  }

  it("a handshake for a channel opens no connection", async (t) => {
    const sidecar = await startSidecar(t, { POGO_TRUSTED_PROXIES: "unix" });
    sendAndReset(sidecar.port, handshakeOf(`/app/${app.key}`, lines), 25);
    const client = await connectClient(t, sidecar.port);
    assert.match(client.established.socket_id, /^\d+\.\d+$/);
    assert.deepEqual(await sidecar.series("pogo_websocket_connections_active"), {
      [`app_id="${app.id}"`]: 1,
    });
  });
});

const closing = "Connection: close";
const switched =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

describe("fields that say who the client is", () => {
  const made = [
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Host: evil.test",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Port: 1",
    "X-Forwarded-Prefix: /evil",
    "X-Forwarded-Server: evil.test",
    "Forwarded: for=6.6.6.6;host=evil.test",
    "X-Real-IP: 6.6.6.6",
    "X_Forwarded_For: 6.6.6.6",
    "X-Forwarded_Host: evil.test",
    "X_REAL_IP: 6.6.6.6",
    "Proxy: http://6.6.6.6",
    "x-fOrWaRdEd-FoR: 6.6.6.6",
  ];
  const own = [
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: app.test",
  ];

  for (const [kind, target, more] of [
    ["a request", "/x", [closing]],
    ["a WebSocket handshake", "/hmr", ["Connection: Upgrade", "Upgrade: websocket"]],
  ] as const) {
    it(`row 68: of ${kind} the sidecar's own replace all that a client makes up`, async (test) => {
      const { exchange, requests } = await startBehind(test);
      await exchange(requestOf("GET", target, [...more, ...made]));
      const [request] = requests();
      const fields = (request?.fields ?? []).map(([name, value]) => `${name}: ${value}`);
      const about = fields.filter((field) => /forwarded|real.ip|^proxy|evil|6\.6\.6/i.test(field));
      assert.deepEqual(about, own);
    });
  }

  it("row 69: Connection takes away neither these, nor Host, nor the length of a body", async (test) => {
    const { exchange, requests } = await startBehind(test);
    const named = "X-Forwarded-For, X-Forwarded-Host, Host, Content-Length, Cookie, close";
    const lines = [`Connection: ${named}`, "Content-Length: 2", "Cookie: a=b"];
    await exchange(requestOf("POST", "/x", lines, "ab"));
    const [request] = requests();
    const fields = new Set(request?.fields.map(([name, value]) => `${name}: ${value}`));
    for (const field of [...own, "Host: app.test", "Content-Length: 2"]) {
      assert.ok(fields.has(field), field);
    }
    assert.equal(request?.body, "ab");
    assert.deepEqual(request?.values("cookie"), [], "what is not of that kind goes, as named");
  });

  it("row 70: fields that Laravel does not read pass as they came", async (test) => {
    const { exchange, requests } = await startBehind(test);
    const others = ["CF-Connecting-IP", "True-Client-IP", "Client-IP", "X-Original-URL"];
    const lines = [...others, "X-Rewrite-URL"].map((name) => `${name}: 6.6.6.6`);
    await exchange(requestOf("GET", "/x", [closing, ...lines]));
    const fields = requests()[0]?.fields.map(([name, value]) => `${name}: ${value}`) ?? [];
    for (const line of lines) assert.ok(fields.includes(line), line);
  });

  it("row 71: behind a trusted proxy the chain is kept, whatever is in it, and the rightmost address counts", async (test) => {
    const { exchange, requests, sidecar, connect } = await startBehind(test, {
      env: {
        POGO_TRUSTED_PROXIES: "127.0.0.1",
        POGO_HANDSHAKE_RATE: "0.001",
        POGO_HANDSHAKE_BURST: "1",
      },
    });
    const spellings = [
      "6.6.6.6",
      "127.0.0.1",
      "unknown",
      "_hidden",
      '"[::1]:80"',
      "::ffff:1.1.1.1",
    ];
    spellings.push("1.1.1.1:80", "[2001:db8::1]:80", "fe80::1%eth0", "0x7f.1", "2130706433");
    spellings.push("localhost", "10.0.0.1, 10.0.0.2", "a;b", "1.1.1.1 2.2.2.2");
    for (const spelling of spellings) {
      await exchange(requestOf("GET", "/x", [closing, `X-Forwarded-For: ${spelling}, 5.5.5.5`]));
    }
    assert.deepEqual(
      requests().map((request) => request.values("x-forwarded-for")),
      spellings.map((spelling) => [`${spelling}, 5.5.5.5, 127.0.0.1`]),
    );
    const statusOf = async (chain: string): Promise<number> => {
      const client = await connect();
      client.write(handshakeOf(`/app/${app.key}`, [`X-Forwarded-For: ${chain}`]));
      const { status } = parseMessage(await client.until("\r\n\r\n"));
      client.reset();
      return status;
    };
    assert.equal(await statusOf("5.5.5.5"), 101);
    for (const spelling of spellings) assert.equal(await statusOf(`${spelling}, 5.5.5.5`), 429);
    assert.equal(await statusOf("5.5.5.5, 5.5.5.6"), 101, "to the left anybody may stand");
    assert.deepEqual(await sidecar.series("pogo_websocket_connections_opened_total"), {
      [`app_id="${app.id}"`]: 2,
    });
  });
});

describe("answers that are meant for the next visitor", () => {
  const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
  /** Answers `/first` so, and anything else with `ok`. */
  function answerFirst(answer: string) {
    return (connection: RawSocket): void => {
      let answered = 0;
      connection.socket.on("data", () => {
        for (const { startLine } of requestsOf(connection).slice(answered)) {
          answered += 1;
          connection.write(startLine.includes("/first") ? answer : ok);
        }
      });
    };
  }

  for (const [title, method, answer] of [
    ["a second answer at once", "GET", ok + poison],
    ["a HEAD with a body", "HEAD", poison + poison],
    ["304 with a body", "GET", `HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok${poison}`],
    [
      "a Content-Length that is too short",
      "GET",
      `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!${poison}`,
    ],
  ] as const) {
    it(`row 72: ${title}: the next visitor gets its own`, async (test) => {
      const upstream = await listenRaw(test, answerFirst(answer));
      const sidecar = await startSidecar(test, {
        POGO_UPSTREAM: `http://127.0.0.1:${upstream.port}`,
      });
      const first = await connectRaw(test, sidecar.port);
      await first.write(requestOf(method, "/first")).until("\r\n\r\n");
      for (let visitor = 0; visitor < 3; visitor += 1) {
        const next = await connectRaw(test, sidecar.port);
        const text = await next.write(requestOf("GET", "/next", [closing])).untilEnd();
        assert.equal(parseMessage(text).body, "ok");
      }
      const [own = "", behind = ""] = first.text.split("\r\n\r\n");
      assert.match(own, /^HTTP\/1\.1 (200|304) /);
      assert.ok(!behind.includes("poison"), behind);
    });
  }

  it("row 72: bytes that the app sends on an idle connection are nobody's", async (test) => {
    const { connect, exchange, upstream } = await startBehind(test);
    await (await connect()).write(requestOf("GET", "/first")).until("ok");
    const [connection] = upstream.connections;
    connection?.write(poison);
    await waitFor(() => connection?.hasEnded);
    const text = await exchange(requestOf("GET", "/next", [closing]));
    assert.equal(parseMessage(text).body, "ok");
    assert.equal(upstream.connections.length, 2);
  });

  it("row 73: a connection on which the app has answered before the whole body came is used no more", async (test) => {
    const upstream = await listenRaw(test, (connection) => {
      connection.socket.on("data", () => connection.write(ok));
    });
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: `http://127.0.0.1:${upstream.port}`,
    });
    const first = await connectRaw(test, sidecar.port);
    const cut = requestOf("POST", "/first", ["Content-Length: 100"], "GET /hidden HTTP/1.1\r\n");
    await first.write(cut).until("ok");
    first.reset();
    const next = await connectRaw(test, sidecar.port);
    const text = await next.write(requestOf("GET", "/next", [closing])).untilEnd();
    assert.equal(parseMessage(text).body, "ok");
    assert.equal(upstream.connections.length, 2);
    assert.ok(upstream.connections[1]?.text.startsWith("GET /next "));
  });
});

describe("what one client can take of the app", () => {
  /** Requests are still under way then. */
  const stopAtOnce = { POGO_SHUTDOWN_TIMEOUT: "50ms" };

  it("row 74: of 2,000 pipelined requests one is at the app at a time", async (test) => {
    const upstream = await listenRaw(test);
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: `http://127.0.0.1:${upstream.port}`,
      ...stopAtOnce,
    });
    const client = await connectRaw(test, sidecar.port);
    client.write(requestOf("GET", "/x").repeat(2_000));
    const connection = await upstream.connection(0);
    await connection.until("\r\n\r\n");
    // Whoever comes behind all of them is served first.
    const other = await connectRaw(test, sidecar.port);
    other.write(requestOf("GET", "/other"));
    await (await upstream.connection(1)).until("/other");
    assert.equal(upstream.connections.length, 2);
    assert.equal(requestsOf(connection).length, 1);
  });

  it("row 75: who does not read slows the app down, behind a request and a tunnel, and takes no memory for it", async (test) => {
    const block = Buffer.alloc(1024 * 1024, "x");
    const upstream = await listenRaw(test, (connection) => {
      connection.socket.once("data", () => {
        const isTunnel = connection.text.startsWith("GET /hmr");
        connection.write(
          isTunnel ? switched : "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        );
        for (let index = 0; index < 32; index += 1) connection.write(block);
      });
    });
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: `http://127.0.0.1:${upstream.port}`,
      ...stopAtOnce,
    });
    for (const bytes of [requestOf("GET", "/download"), handshakeOf("/hmr")]) {
      const clients = await Promise.all(
        Array.from({ length: 2 }, () => connectRaw(test, sidecar.port)),
      );
      for (const client of clients) client.write(bytes).socket.pause();
    }
    await upstream.connection(3);
    const waiting = (): number =>
      upstream.connections.reduce((sum, { socket }) => sum + socket.writableLength, 0);
    // Nothing moves any more, for some round trips.
    let last = -1;
    while (last !== waiting()) {
      last = waiting();
      for (let turn = 0; turn < 10; turn += 1) await fetch(`${sidecar.adminUrl}/livez`);
    }
    assert.ok(waiting() > 4 * 16 * block.length, `${waiting()} bytes are still the app's`);
  });

  it("row 76: a client that sends a head and no body has nothing at the app", async (test) => {
    const { connect, upstream, exchange } = await startBehind(test, { env: stopAtOnce });
    const clients = await Promise.all(Array.from({ length: 50 }, () => connect()));
    for (const client of clients) client.write(requestOf("POST", "/x", ["Content-Length: 100"]));
    await exchange(requestOf("GET", "/other", [closing]));
    assert.equal(upstream.connections.length, 1);
    clients[0]?.write("a");
    await waitFor(() => upstream.connections.some(({ text }) => text.includes("POST /x")));
  });

  it("row 77: handshakes are bounded, the app's own too; those that end leave nothing open", async (test) => {
    const upstream = await listenRaw(test, (connection) => {
      connection.socket.once("data", () => connection.write(switched));
    });
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: `http://127.0.0.1:${upstream.port}`,
      POGO_MAX_UPSTREAM_WEBSOCKETS: "20",
      ...stopAtOnce,
    });
    const clients = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const client = await connectRaw(test, sidecar.port);
        await client.write(handshakeOf("/hmr")).until("\r\n\r\n");
        return client;
      }),
    );
    const statuses = clients.map(({ text }) => parseMessage(text).status);
    assert.deepEqual(new Set(statuses), new Set([101, 503]));
    // Each was preceded by an empty one, which tries whether the app is there.
    const carried = upstream.connections.filter(({ text }) => text !== "");
    assert.equal(carried.length, 15, "a quarter is left to other addresses");
    clients.forEach((client, index) => (index % 2 ? client.reset() : client.socket.end()));
    await waitFor(() => upstream.connections.every(({ hasEnded }) => hasEnded));
    await sidecar.seriesBecome("pogo_proxy_tunnels_active", { "": 0 });
  });
});
