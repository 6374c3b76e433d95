/** What hostile clients try on the way to the app, against a whole sidecar: the rows of its table of attacks. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sendAndReset } from "../../sidecar/testing/early-reset.ts";
import { connectRaw } from "../../sidecar/testing/raw-http.ts";
import { requestOf, requestsOf, startUpstream } from "../../sidecar/testing/raw-upstream.ts";
import { app, connectClient, startSidecar } from "../../sidecar/testing/running.ts";

/** The head of a WebSocket handshake. */
function handshakeOf(target: string, lines: readonly string[] = []): string {
  return requestOf("GET", target, [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ...lines,
  ]);
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
