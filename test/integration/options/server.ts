/** Where the node listens, whom it believes, and how it stops. */

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { forwarding, server } from "../../../sidecar/config/table/server.ts";
import { until } from "../../../sidecar/testing/eventually.ts";
import { onFreePort } from "../../../sidecar/testing/ports.ts";
import { connectRaw } from "../../../sidecar/testing/raw-http.ts";
import { announceBody, startLate, startRecordingApp, type Rows } from "./stage.ts";

export const serverRows: Rows<typeof server | typeof forwarding> = {
  async POGO_HOST({ start }) {
    const { port } = await start("127.0.0.2");
    assert.equal((await fetch(`http://127.0.0.2:${port}/up`)).status, 200);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/up`));
  },
  async POGO_PORT({ start }) {
    const port = await onFreePort(async (free) => {
      await start(String(free));
      return free;
    });
    assert.equal((await fetch(`http://127.0.0.1:${port}/up`)).status, 200);
  },
  async POGO_REUSE_PORT({ start }) {
    const { port } = await start("true");
    const successor = await start("true", { POGO_PORT: String(port) });
    assert.equal(successor.port, port);
  },
  async POGO_SOCKET_MODE({ test, start }) {
    const path = await socketPath(test);
    await start("600", { POGO_HOST: `unix:${path}` });
    assert.equal(statSync(path).mode & 0o777, 0o600);
  },
  async POGO_SOCKET_OWNER({ test, start }) {
    const path = await socketPath(test);
    const { uid, gid } = userInfo();
    // Only root may give it to somebody else.
    const owner = uid === 0 ? { uid: 65_534, gid: 65_534 } : { uid, gid };
    await start(`${owner.uid}:${owner.gid}`, { POGO_HOST: `unix:${path}` });
    const found = statSync(path);
    assert.deepEqual({ uid: found.uid, gid: found.gid }, owner);
  },
  async POGO_API_SOCKET({ test, start }) {
    const path = await socketPath(test);
    const sidecar = await start(path);
    assert.equal((await sidecar.callOver(path, "channels")).status, 200);
    assert.equal((await sidecar.call("channels")).status, 200);
  },
  async POGO_API_ONLY_ON_SOCKET({ test, start }) {
    const path = await socketPath(test);
    const sidecar = await start("true", { POGO_API_SOCKET: path });
    assert.equal((await sidecar.callOver(path, "channels")).status, 200);
    const { status, text } = await sidecar.call("channels");
    assert.equal(status, 404);
    assert.match(text, /POGO_API_ONLY_ON_SOCKET/);
    assert.ok(sidecar.lines.some(({ msg }) => /Unix socket only/.test(String(msg))));
  },
  async POGO_PATH({ start, connect }) {
    const sidecar = await start("/ws");
    await connect(sidecar, "/ws/app/app-key");
    assert.equal(
      (await sidecar.call("channels", { path: "/ws/apps/app-id/channels" })).status,
      200,
    );
  },
  async POGO_TRUSTED_PROXIES({ test, start }) {
    const seen = await startRecordingApp(test);
    const sidecar = await start("127.0.0.1", { POGO_UPSTREAM: seen.url });
    await fetch(sidecar.url, { headers: { "X-Forwarded-Proto": "https" } });
    assert.equal(seen.requests[0]?.headers["x-forwarded-proto"], "https");
  },
  async POGO_PUBLIC_HEALTH({ start }) {
    const { url } = await start("true");
    for (const path of ["/up", "/pogo/health"]) {
      const answer = await fetch(`${url}${path}`);
      assert.deepEqual([answer.status, await answer.text()], [200, '{"status":"ok"}']);
    }
  },
  async POGO_HEADERS_TIMEOUT({ test, start }) {
    const { port } = await start("50ms");
    const client = await connectRaw(test, port);
    client.write("GET /up HTTP/1.1\r\nHost: a.test\r\n");
    assert.match(await client.untilEnd(), /^HTTP\/1\.1 408 /);
  },
  async POGO_REQUEST_TIMEOUT({ test, start }) {
    // Longer headers than the whole request may take are no reason not to start.
    const { port } = await start("100ms", { POGO_HEADERS_TIMEOUT: "60s" });
    const client = await announceBody(test, port, 100);
    assert.match(await client.write("{").untilEnd(), /^HTTP\/1\.1 408 /);
  },
  async POGO_MAX_TCP_CONNECTIONS_PER_IP({ test, start }) {
    const sidecar = await start("2");
    const [first, second] = [
      await connectRaw(test, sidecar.port),
      await connectRaw(test, sidecar.port),
    ];
    const request = "GET /up HTTP/1.1\r\nHost: a.test\r\n\r\n";
    await first.write(request).until("HTTP/1.1 200");
    await second.write(request).until("HTTP/1.1 200");
    const third = await connectRaw(test, sidecar.port);
    await third.untilEnd();
    assert.equal(third.text, "");
    assert.ok(sidecar.lines.some(({ msg }) => String(msg).startsWith("a client has too many")));
    await sidecar.seriesBecome("pogo_http_connections_refused_total", { "": 1 });
    first.reset();
    await until("a place", async () => (await fetch(`${sidecar.url}/up`)).ok);
    const behind = await start("1", { POGO_TRUSTED_PROXIES: "127.0.0.1" });
    for (const raw of [await connectRaw(test, behind.port), await connectRaw(test, behind.port)]) {
      await raw.write(request).until("HTTP/1.1 200");
    }
  },
  async POGO_MAX_HEADER_SIZE({ test, start }) {
    const { port } = await start("2KiB");
    const headOf = (bytes: number) =>
      `GET /up HTTP/1.1\r\nHost: a.test\r\nX: ${"x".repeat(bytes)}\r\n\r\n`;
    const client = await connectRaw(test, port);
    await client.write(headOf(1_900)).until('"OK"');
    assert.match(await client.write(headOf(2_100)).untilEnd(), /HTTP\/1\.1 431 /);
  },
  async POGO_KEEP_ALIVE_TIMEOUT({ test, start }) {
    const { port } = await start("50ms");
    const client = await connectRaw(test, port);
    client.write("GET /up HTTP/1.1\r\nHost: a.test\r\n\r\n");
    assert.match(await client.untilEnd(), /^HTTP\/1\.1 200 /);
  },
  async POGO_SHUTDOWN_TIMEOUT({ test, start }) {
    const { upstream, asked } = await startLate(test);
    const sidecar = await start("50ms", { POGO_UPSTREAM: upstream });
    const client = await connectRaw(test, sidecar.port);
    client.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await asked;
    await sidecar.stop();
    assert.ok(sidecar.lines.some(({ msg }) => String(msg).startsWith("shutdown timeout")));
  },
  async POGO_DRAIN_DELAY({ start, connect }) {
    const sidecar = await start("1s");
    const stopped = sidecar.stop();
    const readiness = await fetch(`${sidecar.adminUrl}/readyz`);
    assert.deepEqual([readiness.status, await readiness.text()], [503, "not ready: leaving\n"]);
    await connect(sidecar);
    await stopped;
  },
  async POGO_DRAIN_WINDOW({ start, connect }) {
    const sidecar = await start("0");
    const clients = [await connect(sidecar), await connect(sidecar)];
    // The clock stands still: where there is a window, it lasts until the others are cut.
    void sidecar.stop();
    for (const client of clients) assert.equal(await client.closed(), 4100);
  },
};

/** Of a Unix socket that is not there yet. */
async function socketPath(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pogo-socket-"));
  test.after(() => rm(folder, { recursive: true }));
  return join(folder, "pogo.sock");
}
