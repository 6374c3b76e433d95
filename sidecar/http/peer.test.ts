import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sendAndReset } from "../testing/early-reset.ts";
import { connectRaw, listen } from "../testing/raw-http.ts";
import { peerOf, recordPeers } from "./peer.ts";
import { waitFor } from "../testing/eventually.ts";

/** A server whose peers are recorded, and every request that it got. */
async function startServer(t: TestContext, where?: { path: string }) {
  const requests: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    requests.push(req);
    res.end();
  });
  recordPeers(server);
  return { port: await listen(t, server, where), server, requests };
}

const request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

test("a request has the address that its connection was accepted with, also once the client has left", async (t) => {
  const { port, requests } = await startServer(t);
  const client = await connectRaw(t, port);
  await client.write(request).until("\r\n\r\n");
  client.reset();
  await waitFor(() => requests[0]?.socket.destroyed);
  const [req] = requests;
  assert.ok(req);
  assert.deepEqual(peerOf(req), { rawHeaders: ["Host", "a.test"], remoteAddress: "127.0.0.1" });
});

test("a connection that was reset before it was accepted is destroyed, and its requests are nobody's", async (t) => {
  const { port, server, requests } = await startServer(t);
  const accepted: Socket[] = [];
  server.on("connection", (socket) => accepted.push(socket));
  sendAndReset(port, request, 25);
  await waitFor(() => accepted.length === 25 && accepted.every(({ closed }) => closed));
  assert.equal(requests.length, 0);
});

test("a peer on a unix socket has no address", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "pogo-peer-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, "front.sock");
  const { requests } = await startServer(t, { path });
  const client = connect(path);
  t.after(() => void client.destroy());
  client.write(request);
  await waitFor(() => requests.length === 1);
  const [req] = requests;
  assert.ok(req);
  assert.equal(peerOf(req).remoteAddress, "");
});

test("a request of a server whose peers are not recorded is nobody's", async (t) => {
  const requests: IncomingMessage[] = [];
  const server = createServer((req, res) => {
    requests.push(req);
    res.end();
  });
  const client = await connectRaw(t, await listen(t, server));
  await client.write(request).until("\r\n\r\n");
  const [req] = requests;
  assert.ok(req);
  assert.throws(() => peerOf(req), /without a peer/);
});
