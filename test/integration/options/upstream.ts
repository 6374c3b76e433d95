/** Of the app behind. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import type { upstream } from "../../../sidecar/config/table/server.ts";
import { startClogged } from "../../../sidecar/testing/clogged-port.ts";
import { waitFor } from "../../../sidecar/testing/eventually.ts";
import { startApp } from "../../kit/start.ts";
import { nobody, startLate, type Rows } from "./stage.ts";

export const upstreamRows: Rows<typeof upstream> = {
  async POGO_UPSTREAM({ test, start }) {
    const { url } = await start(await startApp(test, (_req, res) => void res.end("the app's")));
    assert.equal(await (await fetch(url)).text(), "the app's");
  },
  async POGO_UPSTREAM_CONNECT_TIMEOUT({ test, start }) {
    const clogged = `http://127.0.0.1:${await startClogged(test)}`;
    const sidecar = await start("50ms", { POGO_UPSTREAM: clogged, POGO_UPSTREAM_WAIT: "0" });
    assert.equal((await fetch(sidecar.url)).status, 504);
    await waitFor(() => sidecar.lines.some(({ cause }) => cause === "no connection within 50ms"));
  },
  async POGO_UPSTREAM_RESPONSE_TIMEOUT({ test, start }) {
    const { upstream } = await startLate(test);
    const { url } = await start("50ms", { POGO_UPSTREAM: upstream });
    assert.equal((await fetch(url)).status, 504);
  },
  async POGO_UPSTREAM_MAX_HEADER_SIZE({ test, start }) {
    const upstream = await startApp(test, (req, res) => {
      res.setHeader("X", "x".repeat(Number(req.url?.slice(1)))).end();
    });
    const { url } = await start("2KiB", { POGO_UPSTREAM: upstream });
    assert.equal((await fetch(`${url}/1000`)).status, 200);
    assert.equal((await fetch(`${url}/2000`)).status, 502);
  },
  async POGO_MAX_UPSTREAM_CONNECTIONS({ test, start }) {
    const { upstream, answer, asked } = await startWaiting(test);
    const { url } = await start("1", { POGO_UPSTREAM: upstream });
    const both = [fetch(url), fetch(url)];
    await asked(1);
    answer();
    await asked(2);
    answer();
    for (const { status } of await Promise.all(both)) assert.equal(status, 200);
  },
  async POGO_UPSTREAM_QUEUE_SIZE({ test, start }) {
    const { upstream, answer, asked } = await startWaiting(test);
    const { url } = await start("0", {
      POGO_UPSTREAM: upstream,
      POGO_MAX_UPSTREAM_CONNECTIONS: "1",
    });
    const first = fetch(url);
    await asked(1);
    const second = await fetch(url);
    assert.equal(second.status, 503);
    assert.equal(second.headers.get("retry-after"), "1");
    answer();
    assert.equal((await first).status, 200);
  },
  async POGO_UPSTREAM_QUEUE_WAIT({ test, start }) {
    const { upstream, answer, asked } = await startWaiting(test);
    const { url } = await start("20ms", {
      POGO_UPSTREAM: upstream,
      POGO_MAX_UPSTREAM_CONNECTIONS: "1",
    });
    const first = fetch(url);
    await asked(1);
    assert.equal((await fetch(url)).status, 503);
    answer();
    assert.equal((await first).status, 200);
  },
  async POGO_UPSTREAM_WAIT({ start }) {
    const { url } = await start("0", { POGO_UPSTREAM: nobody });
    assert.equal((await fetch(url)).status, 502, "who waits in vain is answered 503");
  },
  async POGO_MAX_UPSTREAM_WAITING({ start }) {
    const sidecar = await start("0", { POGO_UPSTREAM: nobody });
    assert.equal((await fetch(sidecar.url)).status, 503);
    const refused = await sidecar.counted("pogo_proxy_refused_total");
    assert.deepEqual(refused, { 'reason="away_queue_full"': 1 });
  },
  async POGO_MAX_UPSTREAM_WEBSOCKETS({ test, start }) {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    test.after(() => server.close());
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address);
    const { port } = await start("1", { POGO_UPSTREAM: `http://127.0.0.1:${address.port}` });
    const first = new WebSocket(`ws://127.0.0.1:${port}/hmr`);
    test.after(() => first.terminate());
    await once(first, "open");
    const second = new WebSocket(`ws://127.0.0.1:${port}/hmr`);
    const [error] = await once(second, "error");
    assert.match(String(error), /503/);
  },
  async POGO_MAX_BODY_SIZE({ test, start }) {
    const upstream = await startApp(test, (_req, res) => void res.end());
    const { url } = await start("10", { POGO_UPSTREAM: upstream });
    assert.equal((await fetch(url, { method: "POST", body: "x".repeat(11) })).status, 413);
  },
};

/** An app that answers when it is told to, and how often it was asked so far. */
async function startWaiting(test: TestContext) {
  const open: ServerResponse[] = [];
  let count = 0;
  const upstream = await startApp(test, (_req, res) => {
    open.push(res);
    count += 1;
  });
  return {
    upstream,
    answer: () => void open.shift()?.end(),
    asked: (times: number) => waitFor(() => count === times),
  };
}
