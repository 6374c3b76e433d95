/** What a connection leaves in memory while it is open, and after it has gone: counted, object by object. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, IncomingMessage } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { queryObjects } from "node:v8";
import { Connection } from "../core/connection.ts";
import { handleMessage } from "../core/handlers.ts";
import { createTestNode } from "../core/testing/doubles.ts";
import { recordPeers } from "../http/peer.ts";
import { contextOf } from "../testing/request-context.ts";
import { waitFor } from "../testing/eventually.ts";
import { upgradeRequest } from "../testing/upgrade-request.ts";
import { FrameReader } from "./frame-reader.ts";
import { OpenSocket } from "./open-socket.ts";
import { SocketTransport } from "./transport.ts";
import { createWebSocketEndpoint } from "./upgrade.ts";

const handshake = upgradeRequest("/app/app-key");
const subscribe = Buffer.from('{"event":"pusher:subscribe","data":{"channel":"a"}}');
const frame = Buffer.concat([Buffer.from([0x81, 0x80 | subscribe.length, 0, 0, 0, 0]), subscribe]);

const ofConnections = [SocketTransport, OpenSocket, Connection, FrameReader];

function counts(): Map<string, number> {
  return new Map(
    [...ofConnections, IncomingMessage].map((type) => [type.name, Number(queryObjects(type))]),
  );
}

/** What Node has of a closed socket goes in several turns and collections. */
async function countsAtRest(most: (name: string) => number): Promise<Map<string, number>> {
  for (let attempt = 0; ; attempt++) {
    await new Promise((resolve) => setImmediate(resolve));
    const found = counts();
    if (attempt === 10 || [...found].every(([name, count]) => count <= most(name))) return found;
  }
}

test("a connection keeps one object of each kind and no request, and leaves nothing", async (t) => {
  const node = createTestNode({});
  const endpoint = createWebSocketEndpoint({
    hubs: new Map([[node.app.key, node.hub]]),
    onMessage: (_hub, connection, text, nowMs) =>
      handleMessage(connection, text, node.dependencies, nowMs),
    report: () => undefined,
    clientIp: ({ remoteAddress }) => remoteAddress,
    isDraining: () => false,
    now: () => performance.now(),
    maxConnections: 1_000,
    maxQueuedBytes: 1_000_000,
    maxTotalQueuedBytes: 100_000_000,
    writeWaitMs: 10_000,
    hotPathMetrics: false,
    compression: { enabled: true, thresholdBytes: 512 },
    keepsHandshakes: true,
    setsRecoveryCookie: true,
    knowsBrowsers: false,
  });
  const server = createServer();
  recordPeers(server);
  server.on("upgrade", (req, socket, head) =>
    endpoint.handleUpgrade(contextOf(req), socket, head, {
      appKey: "app-key",
      recoveryToken: null,
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  t.after(() => {
    endpoint.destroy();
    server.close();
  });

  const clientCount = 100;
  const before = counts();
  /** Whom the inbox served last it may still have in its queue: that is one, however many there were. */
  const atRest = (name: string): number => (before.get(name) ?? 0) + 1;
  for (let round = 0; round < 2; round++) {
    const clients = Array.from({ length: clientCount }, () => connect(port, "127.0.0.1"));
    for (const client of clients) {
      client.on("error", () => undefined);
      client.resume();
      client.write(handshake);
      client.write(frame);
    }
    await waitFor(() => node.hub.channel("a")?.connections.size === clientCount);
    const open = counts();
    for (const { name } of ofConnections) {
      const count = open.get(name) ?? 0;
      assert.ok(count >= clientCount && count <= clientCount + atRest(name), `${name}: ${count}`);
    }
    assert.equal(open.get("IncomingMessage"), before.get("IncomingMessage"));
    for (const client of clients) client.destroy();
    await waitFor(() => endpoint.connectionCount === 0);
    for (const [name, count] of await countsAtRest(atRest)) {
      assert.ok(count <= atRest(name), `${name}: ${count}`);
    }
  }
});
