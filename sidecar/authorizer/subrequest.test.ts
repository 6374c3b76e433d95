import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  hasMessage,
  listen,
  listenRaw,
  parseMessage,
  type RawSocket,
} from "../testing/raw-http.ts";
import type { AuthorizationFault } from "../core/ports.ts";
import { createSubrequestClient, type SubrequestOptions } from "./subrequest.ts";
import { waitFor } from "../testing/eventually.ts";

const body = Buffer.from('{"channel_name":"private-a","socket_id":"1.2"}');
const headers = [
  "Host",
  "app.test",
  "Content-Length",
  String(body.length),
  "X-Latin1",
  "\u00e9\u00ff",
];
const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
/** Long enough that no test waits for it. */
const farMs = 60_000;

function createClient(test: TestContext, port: number, options: Partial<SubrequestOptions> = {}) {
  const client = createSubrequestClient({
    upstream: { kind: "tcp", host: "127.0.0.1", port },
    deadlineMs: farMs,
    maxAnswerBytes: 16_384,
    maxHeadBytes: 16_384,
    maxConnections: 10,
    tracer: null,
    ...options,
  });
  test.after(() => client.close());
  return {
    ...client,
    send: () => client.post({ path: "/broadcasting/auth?x=1", headers, body }),
  };
}

/** Answers every whole request on a connection with what `answer` makes of its number, counted over all. */
async function listenAnswering(
  test: TestContext,
  answer: (socket: RawSocket, count: number) => void,
) {
  const seen: string[] = [];
  const server = await listenRaw(test, (raw) => {
    let read = 0;
    raw.socket.on("data", () => {
      const text = raw.text.slice(read);
      if (!hasMessage(text)) return;
      read = raw.text.length;
      seen.push(text);
      answer(raw, seen.length);
    });
  });
  return { ...server, seen };
}

async function listenHttp(test: TestContext, listener: RequestListener): Promise<number> {
  return listen(test, createServer(listener));
}

/** Holds for a result whose body is compared as text. */
async function textOf(result: ReturnType<ReturnType<typeof createClient>["send"]>) {
  const answer = await result;
  return answer.ok ? answer.body.toString() : answer.reason;
}

describe("subrequest client", () => {
  it("proxy A2: sends one POST with the given header and body, byte by byte", async (test) => {
    const upstream = await listenAnswering(test, (raw) => raw.write(okAnswer));
    const client = createClient(test, upstream.port);
    assert.equal(await textOf(client.send()), "{}");
    const request = parseMessage(upstream.seen[0] ?? "");
    assert.equal(request.startLine, "POST /broadcasting/auth?x=1 HTTP/1.1");
    assert.deepEqual(request.fields, [
      ["Host", "app.test"],
      ["Content-Length", String(body.length)],
      ["X-Latin1", "\u00e9\u00ff"],
      ["Connection", "keep-alive"],
    ]);
    assert.equal(request.body, body.toString());
    assert.equal(request.rest, "");
  });

  it("keeps its connection for the next one, after a denial too", async (test) => {
    const upstream = await listenAnswering(test, (raw, count) =>
      raw.write(count === 1 ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}" : okAnswer),
    );
    const client = createClient(test, upstream.port);
    assert.equal(await textOf(client.send()), "forbidden");
    assert.equal(await textOf(client.send()), "{}");
    assert.equal(await textOf(client.send()), "{}");
    assert.equal(upstream.connections.length, 1);
  });

  it("asks an upstream on a unix socket", async (test) => {
    const path = join(tmpdir(), `subrequest-${process.pid}.sock`);
    const server = createServer((_req, res) => res.end("{}"));
    await listen(test, server, { path });
    const client = createClient(test, 0, { upstream: { kind: "unix", socketPath: path } });
    assert.equal(await textOf(client.send()), "{}");
  });

  it("answers in pieces, chunked or until the end of the connection, are read whole", async (test) => {
    const answers = [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}",
      "HTTP/1.0 200 OK\r\n\r\n{}",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ];
    const upstream = await listenAnswering(test, (raw, count) => {
      raw.write(answers[count - 1] ?? "");
      if (count === 2 || count === 3) raw.socket.end();
    });
    const client = createClient(test, upstream.port);
    for (const _ of answers) assert.equal(await textOf(client.send()), "{}");
  });

  const refusing: readonly (readonly [status: number, reason: AuthorizationFault])[] = [
    ...[401, 403].map((status) => [status, "forbidden"] as const),
    [404, "route_not_found"],
    [405, "method_not_allowed"],
    [419, "csrf_token_mismatch"],
    [429, "too_many_requests"],
    ...[301, 302, 303, 307, 308].map((status) => [status, "redirected"] as const),
    ...[201, 204, 400, 422, 431].map((status) => [status, "unexpected_status"] as const),
    ...[500, 501, 505, 599].map((status) => [status, "worker_error"] as const),
    ...[502, 503, 504].map((status) => [status, "service_unavailable"] as const),
  ];
  for (const [status, reason] of refusing) {
    it(`proxy A8, A9: status ${status} is ${reason}, and nobody follows a Location`, async (test) => {
      const paths: (string | undefined)[] = [];
      const port = await listenHttp(test, (req, res) => {
        paths.push(req.url);
        res.writeHead(status, { Location: "/login" }).end();
      });
      assert.equal(await textOf(createClient(test, port).send()), reason);
      assert.deepEqual(paths, ["/broadcasting/auth?x=1"]);
    });
  }

  it("proxy A9: an error page may be as long as it likes", async (test) => {
    const page = Buffer.alloc(1_000_000);
    const port = await listenHttp(test, (_req, res) => res.writeHead(500).end(page));
    assert.equal(await textOf(createClient(test, port).send()), "worker_error");
  });

  const retries: readonly (readonly [headers: Record<string, string>, retryAfterMs: number])[] = [
    [{}, 0],
    [{ "Retry-After": "7" }, 7_000],
    [{ "Retry-After": "soon" }, 0],
    [{ "Retry-After": "-7" }, 0],
    [
      {
        "Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT",
        Date: "Fri, 31 Dec 1999 23:59:39 GMT",
      },
      20_000,
    ],
    [
      {
        "Retry-After": "Fri, 31 Dec 1999 23:59:39 GMT",
        Date: "Fri, 31 Dec 1999 23:59:59 GMT",
      },
      0,
    ],
  ];
  for (const [headers, retryAfterMs] of retries) {
    it(`Retry-After (RFC 9110 §10.2.3) of ${JSON.stringify(headers)} is ${retryAfterMs} ms`, async (test) => {
      const port = await listenHttp(test, (_req, res) => res.writeHead(503, headers).end());
      const result = await createClient(test, port).send();
      assert.deepEqual(result, {
        ok: false,
        reason: "service_unavailable",
        status: 503,
        retryAfterMs,
      });
    });
  }

  it("proxy A9: refused is a dispatch_error", async (test) => {
    const upstream = await listenRaw(test);
    await upstream.stop();
    assert.equal(await textOf(createClient(test, upstream.port).send()), "dispatch_error");
  });

  it("proxy A9: a unix socket that is not there is a dispatch_error", async (test) => {
    const socketPath = join(tmpdir(), `nobody-${process.pid}.sock`);
    const client = createClient(test, 0, { upstream: { kind: "unix", socketPath } });
    assert.equal(await textOf(client.send()), "dispatch_error");
  });

  const broken: [
    title: string,
    answer: string,
    end: "reset" | "end" | "stay",
    reason?: AuthorizationFault,
  ][] = [
    ["reset without an answer", "", "reset"],
    ["closed without an answer", "", "end"],
    ["cut in the head", "HTTP/1.1 200 OK\r\nContent-", "end"],
    ["cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "end"],
    ["reset in the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "reset"],
    [
      "cut between chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
      "end",
    ],
    ["a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n", "stay"],
    ["no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n", "stay", "unreadable_answer"],
    [
      "too long a head",
      `HTTP/1.1 200 OK\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`,
      "stay",
      "head_overflow",
    ],
    [
      "an upgrade",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      "stay",
      "unreadable_answer",
    ],
    ["a 101 that is none", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "end", "unexpected_status"],
  ];
  for (const [title, answer, end, reason = "connection_reset"] of broken) {
    it(`proxy A9: an answer that is ${title} is ${reason}`, async (test) => {
      const upstream = await listenAnswering(test, (raw) => {
        raw.write(answer);
        // The reset must not overtake what was written.
        if (end === "reset") raw.socket.write("", () => setImmediate(() => raw.reset()));
        if (end === "end") raw.socket.end();
      });
      assert.equal(await textOf(createClient(test, upstream.port).send()), reason);
      assert.equal(upstream.seen.length, 1, "a new connection is not tried twice");
    });
  }

  it("a denial whose body never comes whole is a denial all the same", async (test) => {
    const upstream = await listenAnswering(test, (raw) => {
      raw.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n{").socket.end();
    });
    assert.equal(await textOf(createClient(test, upstream.port).send()), "forbidden");
  });

  it("proxy A9: silence until the deadline is a timeout, and the upstream is hung up on", async (test) => {
    const upstream = await listenRaw(test);
    const client = createClient(test, upstream.port, { deadlineMs: 40 });
    assert.equal(await textOf(client.send()), "timeout");
    const connection = await upstream.connection(0);
    await waitFor(() => connection.hasEnded);
  });

  it("proxy A11: a body that dribbles is cut at the deadline, which is not prolonged by each byte", async (test) => {
    const upstream = await listenAnswering(test, (raw) => {
      raw.write("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
      const timer = setInterval(() => raw.write(" "), 5);
      raw.socket.once("close", () => clearInterval(timer));
      test.after(() => clearInterval(timer));
    });
    const client = createClient(test, upstream.port, { deadlineMs: 60 });
    assert.equal(await textOf(client.send()), "timeout");
    const connection = await upstream.connection(0);
    await waitFor(() => connection.hasEnded);
  });

  it("proxy A10: 16 KiB are read, one byte more is a body_overflow and the upstream is hung up on", async (test) => {
    const answer = (bytes: number) =>
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${" ".repeat(bytes)}\r\n`;
    const upstream = await listenAnswering(test, (raw, count) =>
      raw.write(count === 1 ? `${answer(16_384)}0\r\n\r\n` : answer(16_385)),
    );
    const client = createClient(test, upstream.port);
    assert.equal((await textOf(client.send())).length, 16_384);
    // The second answer never ends: more than allowed is enough to know.
    assert.equal(await textOf(client.send()), "body_overflow");
    await waitFor(() => upstream.connections.every((connection) => connection.hasEnded));
  });

  for (const how of ["reset", "end"] as const) {
    it(`proxy A21: a kept connection that the upstream ${how}s on the next request is replaced once`, async (test) => {
      const upstream = await listenAnswering(test, (raw, count) => {
        if (count !== 2) raw.write(okAnswer);
        else if (how === "reset") raw.reset();
        else raw.socket.end();
      });
      const client = createClient(test, upstream.port);
      assert.equal(await textOf(client.send()), "{}");
      assert.equal(await textOf(client.send()), "{}");
      assert.equal(upstream.connections.length, 2);
      assert.equal(upstream.seen.length, 3);
      assert.equal(parseMessage(upstream.seen[2] ?? "").body, body.toString());
    });
  }

  it("proxy A21: with several stale connections the second try is still the last one needed", async (test) => {
    let stale = false;
    const held: RawSocket[] = [];
    const upstream = await listenAnswering(test, (raw, count) => {
      if (count <= 3) return void held.push(raw);
      if (stale && held.includes(raw)) return raw.reset();
      raw.write(okAnswer);
    });
    const client = createClient(test, upstream.port);
    const first = [client.send(), client.send(), client.send()];
    await waitFor(() => held.length === 3);
    for (const raw of held) raw.write(okAnswer);
    for (const result of first) assert.equal(await textOf(result), "{}");
    stale = true;
    assert.equal(await textOf(client.send()), "{}");
    assert.equal(upstream.seen.length, 5);
  });

  it("proxy A21: the replacement is not replaced", async (test) => {
    const upstream = await listenAnswering(test, (raw, count) => {
      if (count === 1) raw.write(okAnswer);
      else raw.reset();
    });
    const client = createClient(test, upstream.port);
    assert.equal(await textOf(client.send()), "{}");
    assert.equal(await textOf(client.send()), "connection_reset");
    assert.equal(upstream.seen.length, 3);
  });

  it("proxy A21: nothing is asked twice once a byte of the answer has come", async (test) => {
    const upstream = await listenAnswering(test, (raw, count) => {
      if (count === 1) return void raw.write(okAnswer);
      raw.socket.write("HTTP/1.1 2", () => setImmediate(() => raw.socket.end()));
    });
    const client = createClient(test, upstream.port);
    assert.equal(await textOf(client.send()), "{}");
    assert.equal(await textOf(client.send()), "connection_reset");
    assert.equal(upstream.seen.length, 2);
  });

  it("proxy A21: a kept connection that stays silent is not stale but late", async (test) => {
    const upstream = await listenAnswering(test, (raw, count) => {
      if (count === 1) raw.write(okAnswer);
    });
    const client = createClient(test, upstream.port, { deadlineMs: 100 });
    assert.equal(await textOf(client.send()), "{}");
    assert.equal(await textOf(client.send()), "timeout");
    assert.equal(upstream.seen.length, 2);
  });

  it("the upstream's return after an outage is noticed by the next one", async (test) => {
    const upstream = await listenAnswering(test, (raw) => raw.write(okAnswer));
    const client = createClient(test, upstream.port);
    assert.equal(await textOf(client.send()), "{}");
    await upstream.stop();
    assert.equal(await textOf(client.send()), "dispatch_error");
    await listenRaw(test, (raw) => void raw.until("}").then(() => raw.write(okAnswer)), {
      port: upstream.port,
    });
    assert.equal(await textOf(client.send()), "{}");
  });

  it("close aborts what is under way, closes what is kept and refuses what comes later", async (test) => {
    const upstream = await listenAnswering(test, (raw, count) => {
      if (count === 1) raw.write(okAnswer);
    });
    const client = createClient(test, upstream.port);
    assert.equal(await textOf(client.send()), "{}");
    const pending = [client.send(), client.send()];
    await waitFor(() => upstream.seen.length === 3);
    client.close();
    for (const result of pending) assert.equal(await textOf(result), "aborted");
    assert.equal(await textOf(client.send()), "aborted");
    await waitFor(() => upstream.connections.every((connection) => connection.hasEnded));
    assert.equal(upstream.seen.length, 3);
  });
});
