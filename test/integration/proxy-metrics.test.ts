/** What an operator reads in `/metrics` about proxied requests and the stop, each case brought about in a running sidecar. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { startClogged } from "../../sidecar/testing/clogged-port.ts";
import { connectRaw, listenRaw, type RawSocket } from "../../sidecar/testing/raw-http.ts";
import { startApp, startSidecar } from "../kit/start.ts";
import type { ProxyFault } from "../../sidecar/core/report/proxy.ts";

/** An upstream that does this with each request; resolves with its address. */
async function startScripted(
  test: TestContext,
  answer: (connection: RawSocket) => void,
): Promise<string> {
  const { port } = await listenRaw(test, (connection) => {
    connection.socket.once("data", () => answer(connection));
  });
  return `http://127.0.0.1:${port}`;
}

interface Row {
  readonly code: number;
  readonly env?: Record<string, string>;
  readonly upstream: (test: TestContext) => Promise<string>;
}

/** How each fault comes about; `not_sent` would be a bug of ours. */
const faults: Readonly<Record<Exclude<ProxyFault, "not_sent">, Row>> = {
  connect_failed: {
    code: 502,
    env: { POGO_UPSTREAM_WAIT: "0" },
    async upstream(test) {
      const closed = await listenRaw(test);
      await closed.stop();
      return `http://127.0.0.1:${closed.port}`;
    },
  },
  connect_timeout: {
    code: 504,
    env: { POGO_UPSTREAM_CONNECT_TIMEOUT: "50ms", POGO_UPSTREAM_WAIT: "0" },
    upstream: async (test) => `http://127.0.0.1:${await startClogged(test)}`,
  },
  response_timeout: {
    code: 504,
    env: { POGO_UPSTREAM_RESPONSE_TIMEOUT: "50ms" },
    upstream: (test) => startScripted(test, () => undefined),
  },
  no_response: { code: 502, upstream: (test) => startScripted(test, ({ socket }) => socket.end()) },
  bad_response: {
    code: 502,
    upstream: (test) => startScripted(test, (connection) => connection.write("nonsense\r\n\r\n")),
  },
  head_too_large: {
    code: 502,
    env: { POGO_UPSTREAM_MAX_HEADER_SIZE: "1KiB" },
    upstream: (test) =>
      startScripted(test, (connection) => {
        connection.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(1_024)}\r\n\r\n`);
      }),
  },
  response_cut: {
    code: 200,
    upstream: (test) =>
      startScripted(test, (connection) => {
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").socket.end();
      }),
  },
};

describe("metrics of the proxy", () => {
  const noFault = Object.fromEntries(
    ["not_sent", ...Object.keys(faults)].map((fault) => [`fault="${fault}"`, 0]),
  );

  for (const [fault, { code, env = {}, upstream }] of Object.entries(faults)) {
    it(`${fault} is counted, and by its status ${code}`, async (test) => {
      const sidecar = await startSidecar(test, { POGO_UPSTREAM: await upstream(test), ...env });
      await fetch(`${sidecar.url}/page`)
        .then((answer) => answer.text())
        .catch(() => "cut");
      await sidecar.seriesBecome("pogo_proxy_faults_total", {
        ...noFault,
        [`fault="${fault}"`]: 1,
      });
      await sidecar.seriesBecome("pogo_proxy_requests_total", { [`code="${code}"`]: 1 });
    });
  }

  it("requests are counted by status and timed, and none is a fault", async (test) => {
    const url = await startApp(test, (req, res) => {
      res.writeHead(Number(req.url?.slice(1))).end();
    });
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: url });
    for (const code of [200, 200, 404, 500]) await fetch(`${sidecar.url}/${code}`);
    await sidecar.seriesBecome("pogo_proxy_requests_total", {
      'code="200"': 2,
      'code="404"': 1,
      'code="500"': 1,
    });
    assert.deepEqual(await sidecar.series("pogo_proxy_faults_total"), noFault);
    await sidecar.seriesBecome("pogo_proxy_request_duration_seconds_count", { "": 4 });
  });

  it("the duration runs until the response is complete", async (test) => {
    const url = await startApp(test, (_req, res) => {
      res.write("first, ");
      setTimeout(() => res.end("second"), 60);
    });
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: url });
    await (await fetch(sidecar.url)).text();
    await sidecar.seriesBecome("pogo_proxy_requests_total", { 'code="200"': 1 });
    const sum = await sidecar.series("pogo_proxy_request_duration_seconds_sum");
    assert.ok((sum[""] ?? 0) > 0.05 && (sum[""] ?? 0) < 5, JSON.stringify(sum));
  });

  it("a client that left before the answer is 499", async (test) => {
    const arrived = Promise.withResolvers<void>();
    const url = await startApp(test, () => arrived.resolve());
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: url });
    const client = await connectRaw(test, sidecar.port);
    client.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await arrived.promise;
    client.reset();
    await sidecar.seriesBecome("pogo_proxy_requests_total", { 'code="499"': 1 });
    assert.deepEqual(await sidecar.series("pogo_proxy_faults_total"), noFault);
  });

  it("WebSockets that pass through are a gauge, and their handshakes requests with 101", async (test) => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    test.after(() => server.close());
    await once(server, "listening");
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: `http://127.0.0.1:${address.port}` });
    const hmr = new WebSocket(`ws://127.0.0.1:${sidecar.port}/hmr`);
    await once(hmr, "open");
    assert.deepEqual(await sidecar.series("pogo_proxy_tunnels_active"), { "": 1 });
    await sidecar.seriesBecome("pogo_proxy_requests_total", { 'code="101"': 1 });
    hmr.close();
    await once(hmr, "close");
    await sidecar.seriesBecome("pogo_proxy_tunnels_active", { "": 0 });
  });
});

describe("metrics of the stop", () => {
  it("pogo_draining is 1 while what is in flight finishes", async (test) => {
    const asked = Promise.withResolvers<() => void>();
    const url = await startApp(test, (_req, res) => asked.resolve(() => void res.end()));
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: url });
    assert.deepEqual(await sidecar.series("pogo_draining"), { "": 0 });
    const slow = fetch(sidecar.url);
    const answer = await asked.promise;
    const stopped = sidecar.stop();
    assert.deepEqual(await sidecar.series("pogo_draining"), { "": 1 });
    answer();
    assert.equal((await slow).status, 200);
    await stopped;
  });
});
